"""How much of a kernel's messages counts as output."""

from autograder.counting_client import weight


def test_text_counts_however_deep_it_lies() -> None:
    content: object = {"data": "x" * 1000}
    for _ in range(5000):
        content = [content]

    assert weight(content) == 1004
    assert weight([{"ab": [1, None]}, True, "c"]) == 2 + 8 + 8 + 8 + 1

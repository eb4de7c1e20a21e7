"""How much a box may send, and which messages are read."""

import json
import time

import pytest

from autograder.box.message_bounds import MAX_CONTAINERS, TooManyContainers, all_bytes, message_bytes, unpack
from autograder.config import MIB, Limits


def test_what_a_box_may_send_follows_from_the_limits() -> None:
    limits = Limits(output_bytes=20 * MIB, evidence_bytes=100 * MIB)
    one, every = message_bytes(limits), all_bytes(limits)

    assert one == {1: 8 * MIB, 2: 45 * MIB, 3: 8 * MIB, 4: 8 * MIB, 5: 8 * MIB}
    assert every == 4 * (8 + 6 * 20 + 100) * MIB
    assert max(message_bytes(Limits()).values()) == 24 * MIB


def test_brackets_that_are_printed_are_text_and_count_as_such() -> None:
    printed = {"name": "stdout", "text": '"\\' + "[{" * (MAX_CONTAINERS + 1)}

    assert unpack(json.dumps(printed)) == printed


@pytest.mark.parametrize(
    "message",
    [
        "[" + "[], " * MAX_CONTAINERS + "1]",
        '["' + "[" * MAX_CONTAINERS + '", ' + "{}," * MAX_CONTAINERS + "1]",
        "[" * 100_000 + "]" * 100_000,
    ],
    ids=["many", "many next to text", "deep"],
)
def test_when_a_message_holds_more_lists_than_any_output_then_it_is_not_read(message: str) -> None:
    with pytest.raises(TooManyContainers, match="lists and objects"):
        unpack(message)


@pytest.mark.parametrize("text", ['"' + "\\" * (4 << 20), '"' + '\\"' * (4 << 20), '"[' * (4 << 20), "[" * (8 << 20)])
def test_a_message_that_is_no_json_is_refused_in_a_moment(text: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ValueError, match=r"."):
        unpack(text)

    assert time.monotonic() - begin < 5

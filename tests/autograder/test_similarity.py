"""What two students' code has in common: what may differ, what counts for nothing, and what is odd."""

import subprocess
import sys

import pytest

from autograder.results import Similar
from autograder.similarity import Code, compare

LONG = '''
def evaluate(model, loader):
    """How often the model is right."""
    correct, seen = 0, 0
    for images, labels in loader:
        outputs = model(images).softmax(dim=1)
        correct += (outputs.argmax(dim=1) == labels).sum().item()
        seen += len(labels)
    history = [value for value in range(seen) if value % 7 == 3]
    return {"accuracy": correct / max(seen, 1), "last": history[-1] if history else None, "seen": sorted(history)}
'''
DISGUISED = """
# my own work
def evaluate(net, batches: list) -> dict:
    hits, n = (0,
               0)
    for x, y in batches:  # every batch
        p = net(x).softmax(dim = 1)
        hits += (p.argmax(dim=1) == y).sum().item()
        n += len(y)
    odd: list[int] = [i for i in range(n) if i % 7 == 3]
    return {'accuracy': hits / max(n, 1), 'last': odd[-1] if odd else None, 'seen': sorted(odd)}
"""
OTHER = """
def evaluate(model, loader):
    import collections
    found = collections.Counter()
    while True:
        try:
            batch = next(loader)
        except StopIteration:
            break
        found.update(zip(batch[1].tolist(), map(int, model.forward(batch[0]).numpy().argmax(-1)), strict=True))
    right = sum(times for (label, guess), times in found.items() if label == guess)
    return dict(accuracy=right / found.total(), last=None, seen=[])
"""


def similar(*sources: str, given: str = "", ours: str = "") -> Similar:
    codes = [Code(f"s{place}", (("evaluate", source),) if source else ()) for place, source in enumerate(sources)]
    return compare(codes, [given], [("evaluate", ours)])


def test_names_comments_layout_docstrings_and_annotations_make_no_difference():
    assert similar(LONG, OTHER, DISGUISED).equal == (("s0", "s2"),)


def test_other_code_for_the_same_is_not_alike():
    assert similar(LONG, OTHER) == Similar()


def test_what_differs_in_a_few_lines_is_near():
    found = similar(LONG, OTHER, DISGUISED.replace("n += len(y)", "n = n + y.shape[0]"))

    assert not found.equal
    assert [pair.students for pair in found.near] == [("s0", "s2")]
    assert 0.5 <= found.near[0].share < 1


@pytest.mark.parametrize("known", [{"given": LONG}, {"ours": LONG}])
def test_what_was_given_or_is_our_solution_makes_nobody_alike(known: dict[str, str]):
    found = similar(LONG, DISGUISED, OTHER, **known)

    assert not found.equal + found.near
    assert set(found.ours) == ({"s0", "s1"} if "ours" in known else set())


def test_what_more_than_ten_wrote_counts_for_nothing():
    variants = [LONG.replace("% 7 == 3", f"% {number} == 3") for number in range(8, 20)]

    assert similar(*variants[:2]).near
    assert not similar(*variants).near


def test_who_wrote_nothing_is_told():
    assert similar(LONG, "").untouched == ("s1",)


@pytest.mark.parametrize(
    "odd",
    [
        "def evaluate(:",
        "%time\n" + LONG,
        "x = 0x" + "f" * 15_000,
        "x = " + "-" * 9_000 + "1",
        "x = " + "(" * 150 + ")" * 150,
        "\0",
        "x = '\\ud800'",
        "x = 1" + "\n" * 30_000,
        "match x:\n    case [1, *rest] | {'a': rest}: pass",
        "async def f(*a, **k):\n    return [i async for i in a if await i]",
    ],
)
def test_odd_cells_are_compared_or_left_out(odd: str):
    assert set(similar(odd, odd, LONG, DISGUISED).equal[-1]) >= {"s2", "s3"}


def test_a_line_that_is_for_ipython_alone_does_not_hide_the_others():
    assert similar("%matplotlib inline\n" + LONG, "!ls\n" + DISGUISED).equal == (("s0", "s1"),)


def test_nobody_is_like_anybody():
    assert compare([], [], []) == Similar()


def test_two_processes_find_the_same():
    program = (
        "from test_similarity import *\n"
        "near = similar(LONG, OTHER, DISGUISED.replace('n += len(y)', 'n = n + y.shape[0]')).near\n"
        "print(near[0].share)"
    )
    path = [*sys.path, str(__file__).rpartition("/")[0]]
    said = {
        subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path = {path!r}\n{program}"],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(said) == 1

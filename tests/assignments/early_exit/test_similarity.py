"""Similar code in classes that are drawn from the rubric's catalogue: who answered alike by chance, and who copied."""

import ast
import itertools
import json
import random
from collections.abc import Iterable

import pytest
from rubric import RELEASE, answers, by_task
from sample_class import SOLUTION

from autograder.results import Similar
from autograder.similarity import Code, compare

Cells = tuple[tuple[str, str], ...]


def code_cells(notebook: str, *, solved: bool) -> list[tuple[str, str]]:
    cells = [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
    named = ((cell["metadata"]["nbgrader"], "".join(cell["source"])) for cell in cells)
    return [(about["grade_id"], source) for about, source in named if about["solution"] or not solved]


OURS = code_cells(SOLUTION.read_text(encoding="utf-8"), solved=True)
GIVEN = [source for _, source in code_cells(RELEASE.read_text(encoding="utf-8"), solved=False)]
RIGHT = {task: [one.source for one in found] for task, found in by_task(answers("right")).items()}
ALL = {task: [one.source for one in found] for task, found in by_task(answers("right") + answers("wrong")).items()}


def drawn(pool: dict[str, list[str]], students: int, seed: int, fame: float) -> list[Cells]:
    """A class by chance.

    Args:
        fame: How much more often the first answers of a task are taken: an answer's weight is its place to the power of
            minus this. 0 takes all alike; at 2 the first one is taken by six of ten.
    """
    chance = random.Random(seed)
    weights = {task: [(place + 1) ** -fame for place in range(len(found))] for task, found in pool.items()}
    return [
        tuple((task, chance.choices(found, weights[task])[0]) for task, found in pool.items()) for _ in range(students)
    ]


def disguised(cells: Cells) -> Cells:
    """The same code with other names of variables, comments and layout."""

    class Renamed(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            node.id = f"my_{node.id}" if node.id in names else node.id
            return node

    found = []
    for task, source in cells:
        tree = ast.parse(source)
        nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
        names = {node.id for node in nodes if isinstance(node.ctx, ast.Store)} - RIGHT.keys()
        found.append((task, f"# all my own work\n\n{ast.unparse(Renamed().visit(tree))}"))
    return tuple(found)


def similar(cells: Iterable[Cells]) -> Similar:
    return compare((Code(f"s{place}", one) for place, one in enumerate(cells)), GIVEN, OURS)


def test_in_a_class_of_right_answers_by_chance_nobody_is_named():
    found = similar(drawn(RIGHT, 60, 1, 0))

    assert found == Similar()


def test_a_copy_under_other_names_is_equal_and_one_with_two_answers_changed_is_near():
    cells = drawn(ALL, 40, 2, 0)
    changed = dict(disguised(cells[1])) | {task: ALL[task][5] for task in ("mac_ratio", "baseline_step")}
    found = similar([*cells, disguised(cells[0]), tuple(changed.items())])

    assert found.equal == (("s0", "s40"),)
    assert [pair.students for pair in found.near] == [("s1", "s41")]
    assert "predict_with_compaction" in found.near[0].equal
    assert "baseline_step" not in found.near[0].equal
    assert not found.ours


def test_a_copy_is_found_among_much_other_code():
    cells = drawn(ALL, 40, 6, 0)
    more = [("", source.replace(f"def {task}", f"def my_{task}")) for task, source in cells[7] + cells[8]]
    changed = dict(disguised(cells[1])) | {"mac_ratio": ALL["mac_ratio"][5]}
    found = similar([*cells[:5], (*changed.items(), *more), (*disguised(tuple(OURS)), *more)])

    assert [pair.students for pair in found.near] == [("s1", "s5")]
    assert set(found.ours) == {"s6"}


def test_what_many_copied_from_each_other_is_one_group():
    cells = drawn(ALL, 20, 3, 0)
    found = similar([*cells, *[disguised(cells[0])] * 19])

    assert found.equal == (("s0", *(f"s{place}" for place in range(20, 39))),)
    assert not found.near


def test_a_copy_of_our_solution_is_told_as_that_and_as_nothing_else():
    changed = dict(OURS) | {"mac_ratio": RIGHT["mac_ratio"][3]}
    found = similar([*drawn(RIGHT, 10, 5, 0), disguised(tuple(OURS)), tuple(changed.items())])

    assert set(found.ours) == {"s10", "s11"}
    assert found.ours["s10"] > 0.95
    assert not found.equal + found.near


def test_short_functions_with_one_natural_answer_make_nobody_alike():
    short = [one for one in OURS if one[0] in ("mac_ratio", "baseline_step", "early_exit_step")]

    assert similar([tuple(short)] * 5) == Similar()


@pytest.mark.slow
def test_of_all_pairs_by_chance_next_to_none_is_named():
    pairs = named = copies = told = 0
    for pool, fame, (students, classes) in itertools.product(
        (RIGHT, ALL), (0, 1, 2), ((3, 30), (10, 20), (60, 4), (300, 1))
    ):
        for seed in range(classes):
            cells = drawn(pool, students, seed, fame)
            found = similar([*cells, disguised(cells[0])])
            by_chance = [pair for pair in found.near if "s0" not in pair.students]
            pairs += students * (students - 1) // 2
            named += len(by_chance)
            copies += 1
            told += any({"s0", f"s{students}"} <= set(group) for group in found.equal)
    print(f"{named} of {pairs} pairs by chance are named; {told} of {copies} disguised copies are found")

    assert named < pairs / 10_000
    assert told == copies

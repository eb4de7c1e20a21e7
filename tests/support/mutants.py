"""Changes the solutions in one place each, and says which changes the checks do not see.

    python tests/support/mutants.py [--workspace DIR]    writes tests/assignments/early_exit/rubric/mutants.md

mutmut's operators make the mutants of each solution cell: another operator, number or name, an argument left out, None
in place of a value. Ours leave out a statement. Each mutant goes through a box as a student's answer would. One that
gets full marks survives. Why it may is written in survivors.toml next to the page:

* equivalent: no input that the task allows tells it from the solution;
* contested: the task's text leaves the question open;
* hole: a check is missing.

The mutation score is the share of killed mutants among those that are not equivalent (Jia and Harman 2011, section 2).
Contested ones count as survivors.
"""

import argparse
import ast
import copy
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
import libcst.matchers as m
from accuracy import Share, table
from mutmut.mutation.mutators import mutation_operators
from sample_class import RELEASE, ROOT, SOLUTION, build_notebook, replace_source, solution_cells, written_by_a_student

RUBRIC = ROOT / "tests" / "assignments" / "early_exit" / "rubric"
SURVIVORS, PAGE = RUBRIC / "survivors.toml", RUBRIC / "mutants.md"
REASONS = ("equivalent", "contested", "hole")
PAGE_TEXT = """# What the checks do not see

`make mutants` changes each solution in one place and grades it as a student's answer. The score is the share of changes
that cost points, among those that are not equivalent to the solution, with Wilson's 95 % interval.

{scores}

## Survivors

{survivors}
"""
# These call the function of another task, so their mutants lie in notebooks in which that one is right.
LEANING = {"early_exit_step", "evaluate_early_exit"}


@dataclass(frozen=True)
class Mutant:
    """A solution cell, changed in one place.

    Attributes:
        change: What stood there and what stands there now.
    """

    task: str
    change: str
    source: str


def mutants() -> dict[str, list[Mutant]]:
    """All mutants of each task's solution that differ from it and from each other."""
    cells = solution_cells(json.loads(SOLUTION.read_text(encoding="utf-8")))
    code = {task: written_by_a_student(cell) for task, cell in cells.items() if cell["cell_type"] == "code"}
    return {task: list(_mutants(task, source)) for task, source in code.items()}


def _mutants(task: str, source: str) -> Iterator[Mutant]:
    module, seen = cst.parse_module(source), {ast.dump(ast.parse(source))}
    for node in _nodes(module):
        for new in _replacements(node):
            try:
                mutated = module.deep_replace(node, new).code
                tree = ast.dump(ast.parse(mutated))
            except (SyntaxError, cst.CSTValidationError):
                continue
            if tree not in seen:
                seen.add(tree)
                yield Mutant(task, _change(source, mutated), mutated)


def _nodes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """All nodes but annotations, docstrings and defaults, which no check may ask for."""
    for child in node.children:
        docstring = m.matches(child, m.SimpleStatementLine([m.Expr(m.SimpleString())]))
        if not docstring and not isinstance(child, cst.Annotation | cst.Parameters):
            yield child
            yield from _nodes(child)


def _replacements(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            yield from operator(node)
    if isinstance(node, cst.SimpleStatementLine) and not isinstance(node.body[0], cst.Return):
        yield cst.SimpleStatementLine([cst.Pass()])
    if isinstance(node, cst.If | cst.For | cst.While):
        yield cst.SimpleStatementLine([cst.Pass()])
    if isinstance(node, cst.If | cst.While | cst.IfExp):
        condition = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        yield node.with_changes(test=cst.UnaryOperation(cst.Not(), condition))


def _change(before: str, after: str) -> str:
    """The lines that differ, once each."""
    old, new = ast.unparse(ast.parse(before)).splitlines(), ast.unparse(ast.parse(after)).splitlines()
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return f"{_one_line(old)} → {_one_line(new)}"


def _one_line(lines: list[str]) -> str:
    return "; ".join(line.strip() for line in lines)[:200] or "nothing"


def write_class(dest: Path) -> dict[tuple[str, str], Mutant]:
    """Notebooks with one mutant in each task of a group; (notebook, task) -> the mutant in it."""
    solution_nb, release_nb = (json.loads(file.read_text(encoding="utf-8")) for file in (SOLUTION, RELEASE))
    solved = build_notebook("solution", solution_nb, release_nb)
    dest.mkdir(parents=True, exist_ok=True)
    every, held = mutants(), {}
    for group, tasks in (("own", set(every) - LEANING), ("leaning", LEANING)):
        for place in range(max(len(every[task]) for task in tasks)):
            notebook, name = copy.deepcopy(solved), f"{group}-{place:03}"
            for task in sorted(task for task in tasks if place < len(every[task])):
                held[name, task] = every[task][place]
                replace_source(notebook, task, every[task][place].source, name)
            (dest / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return held


def survivors(workspace: Path) -> tuple[list[Mutant], dict[str, int]]:
    """Grade all mutants; those with full marks, and how many there were of each task."""
    held = write_class(workspace / "handed_in")
    command = [Path(sys.executable).parent / "autograder", "grade", workspace / "handed_in"]
    subprocess.run([*command, "--workspace", workspace], cwd=ROOT, check=True)
    found = json.loads((workspace / "early_exit" / "results.json").read_text(encoding="utf-8"))
    graded = {
        (entry["student"], task): grade for entry in found["submissions"] for task, grade in entry["tasks"].items()
    }
    alive = [mutant for place, mutant in held.items() if graded[place]["score"] == graded[place]["max_score"]]
    counts = {task: sum(mutant.task == task for mutant in held.values()) for task in mutants()}
    return alive, counts


def page(alive: list[Mutant], counts: dict[str, int], reasons: dict[tuple[str, str], tuple[str, str]]) -> str:
    """The score of each task, and each survivor with its reason."""
    rows, total = [], [0, 0]
    for task, count in counts.items():
        here = [mutant for mutant in alive if mutant.task == task]
        equivalent = sum(reasons.get((task, mutant.change), ("",))[0] == "equivalent" for mutant in here)
        killed = count - len(here)
        total = [total[0] + killed, total[1] + count - equivalent]
        rows.append((task, count, equivalent, len(here) - equivalent, Share(killed, count - equivalent)))
    rows.append(("all", sum(counts.values()), "", "", Share(*total)))
    scores = table(("task", "mutants", "equivalent", "other survivors", "score"), rows)
    listed = [
        "- **{}**: `{}`\n  {}: {}".format(task, one.change, *reasons.get((task, one.change), ("hole", "not explained")))
        for task in counts
        for one in alive
        if one.task == task
    ]
    return PAGE_TEXT.format(scores=scores, survivors="\n".join(listed))


def explained() -> dict[tuple[str, str], tuple[str, str]]:
    """(task, change) -> kind and reason, from survivors.toml."""
    entries = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["survivor"] if SURVIVORS.is_file() else []
    return {(entry["task"], entry["change"]): (entry["kind"], entry["why"]) for entry in entries}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=ROOT / "grading" / "mutants")
    options = parser.parse_args()
    alive, counts = survivors(options.workspace)
    reasons = explained()
    text = page(alive, counts, reasons)
    PAGE.write_text(text, encoding="utf-8")
    print(text)
    sys.exit(any(reasons.get((mutant.task, mutant.change), ("hole",))[0] == "hole" for mutant in alive))


if __name__ == "__main__":
    main()

"""Observes and judges answers in this process, without a box: seconds for what takes the real way minutes.

For answers of our own alone. The key is the solutions notebook.
"""

import functools
import importlib
import json
from types import CodeType
from typing import Any

import torch
from inside.cases import load
from inside.observe import record
from sample_class import ROOT, SOLUTION, nbgrader, solution_cells

from autograder.assignments.assignment import load_assignment
from autograder.judge.evidence import evidence_by_task
from autograder.judge.judge import Judge, load_checks
from autograder.results import TaskGrade

SEED = 77
ASSIGNMENT = load_assignment("early_exit", ROOT)
CASES = load(str(ASSIGNMENT.inside))  # as a box does it
inputs = importlib.import_module("assignment.inputs")


@functools.cache
def points() -> dict[str, float]:
    """Task -> points, from the solutions notebook."""
    marks = [nbgrader(cell) for cell in json.loads(SOLUTION.read_text())["cells"]]
    return {
        mark["grade_id"].removeprefix("check_"): mark["points"]
        for mark in marks
        if mark.get("grade") and mark["grade_id"].startswith("check_")
    }


@functools.cache
def _sources() -> dict[str, str]:
    """Grade id -> source: the imports and the solutions."""
    notebook = json.loads(SOLUTION.read_text())
    imports = next(cell for cell in notebook["cells"] if nbgrader(cell).get("grade_id") == "imports")
    sources = {"imports": "".join(imports["source"])}
    return sources | {k: "".join(c["source"]) for k, c in solution_cells(notebook).items() if c["cell_type"] == "code"}


@functools.cache
def _compiled(source: str) -> CodeType:
    return compile(source, "<string>", "exec")


def namespace(**cells: str) -> dict[str, Any]:
    """The solutions' functions and what the given cells import, with some cells replaced."""
    names: dict[str, Any] = {"torch": torch, "device": torch.device("cpu"), "C": 6}
    for source in (_sources() | cells).values():
        exec(_compiled(source), names)
    return names


def observed(
    task: str, names: dict[str, Any], seed: int = SEED, *, explain: bool = False
) -> dict[tuple[str, str], str]:
    """(task, case) -> the evidence that the box would emit."""
    return {(task, case): json.dumps(record(task, case, names, seed, explain)) for case in ASSIGNMENT.cases[task]}


@functools.cache
def _key(task: str, seed: int) -> dict[str, Any]:
    return evidence_by_task(
        [(task, name) for name in ASSIGNMENT.cases[task]], observed(task, namespace(), seed, explain=True)
    )


@functools.cache
def _checks(task: str) -> dict[str, Any]:
    return load_checks(ASSIGNMENT.checks, [task])


def graded(task: str, seed: int = SEED, **cells: str) -> TaskGrade:
    """A task whose cell, or other cells, are replaced, on the hidden inputs of a seed."""
    pairs = [(task, name) for name in ASSIGNMENT.cases[task]]
    student = evidence_by_task(pairs, observed(task, namespace(**cells), seed), ASSIGNMENT.raised)
    (grade,) = Judge(_checks(task), _key(task, seed), {task: points()[task]})(student)
    return grade

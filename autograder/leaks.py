"""Looks for answers in what students get: lines of a solution, of a check, or of the hidden cases."""

import json
import re
from pathlib import Path

from autograder.config import Settings

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # of a solution, in the words of nbgrader
PACKAGE = Path(__file__).resolve().parent
TELLING = 18  # characters; shorter lines are idioms that given code and solutions share, and answer nothing


def find_leaks(settings: Settings, files: dict[str, str]) -> list[str]:
    """Sentences, one for each line in ``files`` that gives an answer away."""
    secrets = _solution_lines(settings) | _grader_lines(settings)
    leaks = []
    for name, content in files.items():
        if name.split("/")[0] in ("autograder", "solutions", "tests"):
            leaks.append(f"{name} is not for students")
        for line in lines_of(name, content):
            if line in secrets:
                leaks.append(f"{name} holds the line {line!r}")
    return leaks


def lines_of(name: str, content: str) -> list[str]:
    """The lines of a file without their indentation; those of a notebook are the lines of its cells."""
    if name.endswith(".ipynb"):
        content = "\n".join("".join(cell["source"]) for cell in json.loads(content)["cells"])
    return [line.strip() for line in content.splitlines()]


def _solution_lines(settings: Settings) -> set[str]:
    """Lines between the solution delimiters, without those that the notebook itself gives."""
    inside: set[str] = set()
    given: set[str] = set()
    for cell in json.loads(settings.solutions_notebook.read_text())["cells"]:
        solving = False
        for line in "".join(cell["source"]).splitlines():
            if BEGIN in line or END in line:
                solving = BEGIN in line
            else:
                (inside if solving else given).add(line.strip())
    return {line for line in inside - given - settings.assignment.idioms if len(line) >= TELLING}


def _grader_lines(settings: Settings) -> set[str]:
    """Code lines of the checks and the hidden cases; imports and brackets are nobody's secret."""
    lines: set[str] = set()
    for folder in (PACKAGE / "judge", PACKAGE / "inside", settings.assignment.inside, settings.assignment.checks):
        for path in folder.rglob("*.py"):
            lines |= {line.strip() for line in path.read_text().splitlines()}
    return {line for line in lines if len(line) >= 2 * TELLING and not re.match(r"(from|import|#|@|return) ?", line)}

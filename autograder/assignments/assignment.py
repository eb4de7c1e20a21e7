"""Folder of an assignment -> one value: what the grader must know besides the notebook.

    assignment.toml   what a box needs to run the notebook, and the hidden cases of each task
    inside/           cases.py and what it imports; the box shows this folder, read-only, and nothing else of the rest
    checks/           check_<task>.py and what they import; read only outside of the box
    README.txt        optional: what the students' bundle says about starting

A course keeps it in ``autograder_assignments/<name>``. If it has none of that name, the installed package's is used.
Knows nothing of notebooks, boxes or grading. README.md next to this file is the page for authors.
"""

import importlib.util
import re
import sys
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.errors import UsageError

INSTALLED = Path(__file__).resolve().parent
# In a course. Not autograder/assignments: a folder called autograder could be imported in place of this package.
IN_A_COURSE = "autograder_assignments"
NAME = re.compile(r"[A-Za-z]\w*")
# Folders of the workspace that hold all assignments; results of one lie next to them in a folder of its name.
TAKEN = ("submitted", "autograded", "feedback", "runs", "seed", "report")
TEXTS = ("packages", "requires", "preload", "idioms")
KEYS = {"environment", *TEXTS, "probe", "cases", "raised"}


class AssignmentError(UsageError):
    """The folder of an assignment is missing, incomplete, or holds what is not understood."""


@dataclass(frozen=True)
class Assignment:
    """One assignment; every field but the first two is what its assignment.toml says.

    Attributes:
        name: Its notebook's name and its folder's.
        folder: Where assignment.toml lies.
        environment: Variables that the box sets.
        packages: Name -> folder of each package that the box shows and the students' bundle holds.
        requires: Installed distributions that the notebook imports.
        preload: Modules that a box has imported before the notebook starts.
        probe: Code that doctor runs in a box; it prints what was found there, and raises where something is wrong.
        idioms: Lines that solutions and given code share; they answer nothing.
        cases: Task -> its hidden cases, in the order in which they are called.
        raised: (sign, hint) pairs: what an error says, and what to look at then.
    """

    name: str
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    packages: Mapping[str, Path] = field(default_factory=dict, hash=False)
    requires: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    probe: str = ""
    idioms: frozenset[str] = frozenset()
    cases: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    raised: tuple[tuple[str, str], ...] = ()

    @property
    def inside(self) -> Path:
        """The folder that the box shows."""
        return self.folder / "inside"

    @property
    def checks(self) -> Path:
        """The folder with the checks."""
        return self.folder / "checks"

    def cases_of(self, tasks: Iterable[str], voided: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
        """(task, case) pairs to call, in the order of the tasks.

        Args:
            tasks: Those that carry points in the notebook.
            voided: Those that are in the notebook and carry none: an instructor took their points away.

        Raises:
            AssignmentError: These are not the tasks that the folder has cases and checks for.
        """
        tasks = tuple(tasks)
        for task in tasks:
            if task not in self.cases:
                raise AssignmentError(
                    f"The task {task} carries points in the notebook, but {self.folder / 'assignment.toml'} lists no "
                    "hidden cases for it. Add them under [cases], or take the points away."
                )
        for task in self.cases:
            if task not in tasks and task not in voided:
                raise AssignmentError(
                    f"{self.folder / 'assignment.toml'} lists hidden cases for {task}, but the notebook has no cell "
                    f"check_{task}. Remove them, or add the cell."
                )
        return tuple((task, case) for task in tasks for case in self.cases[task])


def assignments_of(course: Path) -> list[str]:
    """The names of a course's assignments: the folders in ``solutions`` that hold a notebook of their own name."""
    folder = course / "solutions"
    return sorted(path.name for path in folder.glob("*") if (path / f"{path.name}.ipynb").is_file())


def load_assignment(name: str, course: Path) -> Assignment:
    """Read the folder of an assignment, the course's own before the installed package's.

    Raises:
        AssignmentError: It is missing or incomplete, or something in it is not understood.
    """
    if not NAME.fullmatch(name) or name in TAKEN:
        raise AssignmentError(
            f"An assignment cannot be called {name!r}. Expected: letters, digits and underscores, a letter first, and "
            f"none of {', '.join(TAKEN)}. Rename its folder and its notebook in solutions/."
        )
    own = course / IN_A_COURSE / name
    if own.is_dir() or not (INSTALLED / name).is_dir():
        return load_folder(own, course)
    return load_folder(INSTALLED / name, course)


def load_folder(folder: Path, course: Path) -> Assignment:
    """Read an assignment from its folder.

    Raises:
        AssignmentError: It is missing or incomplete, or something in it is not understood.
    """
    name, file = folder.name, folder / "assignment.toml"
    if not file.is_file():
        raise AssignmentError(
            f"There is no {file}, so the grader does not know how to check {name}. Expected there: "
            "assignment.toml, inside/cases.py and checks/check_<task>.py. See the page for authors: "
            f"{INSTALLED / 'README.md'}."
        )
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AssignmentError(f"{file} is not valid TOML: {error}.") from None
    assignment = Assignment(name, folder, **_fields(table, file, course))
    _require_files(assignment)
    return assignment


def _fields(table: dict[str, Any], file: Path, course: Path) -> dict[str, Any]:
    """The fields of an assignment out of its table, each of the form it must have."""
    unknown = sorted(table.keys() - KEYS)
    if unknown:
        raise AssignmentError(f"{file} sets an unknown {unknown[0]!r}; known are {', '.join(sorted(KEYS))}.")
    texts = {key: tuple(_texts(table.get(key, []), key, file)) for key in TEXTS}
    environment = _table(table.get("environment", {}), "environment", file)
    cases = _table(table.get("cases", {}), "cases", file)
    raised = table.get("raised", [])
    if not isinstance(raised, list):
        raise AssignmentError(f"{file} sets raised = {raised!r}; expected tables [[raised]] with sign and hint.")
    pairs = [_table(entry, "raised", file) for entry in raised]
    for entry in pairs:
        if entry.keys() != {"sign", "hint"}:
            raise AssignmentError(f"{file} has a table [[raised]] with {', '.join(entry)}; expected sign and hint.")
    return {
        "environment": {_variable(name, file): _text(value, name, file) for name, value in environment.items()},
        "packages": {name: _package(name, course, file) for name in texts["packages"]},
        "requires": texts["requires"],
        "preload": texts["preload"],
        "probe": _text(table.get("probe", ""), "probe", file),
        "idioms": frozenset(texts["idioms"]),
        "cases": {task: tuple(_texts(names, f"cases.{task}", file)) for task, names in cases.items()},
        "raised": tuple((_text(entry["sign"], "sign", file), _text(entry["hint"], "hint", file)) for entry in pairs),
    }


def _table(value: Any, name: str, file: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AssignmentError(f"{file} sets {name} = {value!r}; expected a table.")
    return value


def _texts(value: Any, name: str, file: Path) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) and "\0" not in text for text in value):
        raise AssignmentError(f"{file} sets {name} = {value!r}; expected a list of texts in quotes.")
    if len(set(value)) != len(value):
        raise AssignmentError(f"{file} sets {name} = {value!r}; expected no text twice.")
    return value


def _variable(name: str, file: Path) -> str:
    if not name.isidentifier():
        raise AssignmentError(f"{file} sets the variable {name!r} under environment; expected letters, digits and _.")
    return name


def _text(value: Any, name: str, file: Path) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise AssignmentError(f"{file} sets {name} = {value!r}; expected a text in quotes.")
    return value


def _package(name: str, course: Path, file: Path) -> Path:
    """The folder of a package: the course's own, else the installed one. A box shows all of it."""
    own = course / name
    found = importlib.util.find_spec(name) if name.isidentifier() and name not in sys.builtin_module_names else None
    where = found.origin if found and found.submodule_search_locations else None
    if name.isidentifier() and own.is_dir():
        folder = own.resolve()
    elif where and Path(where).name == "__init__.py":
        folder = Path(where).resolve().parent
    else:
        raise AssignmentError(
            f"{file} names the package {name!r}. Expected: a folder {own}, or an installed package. Add or install it."
        )
    for secret in (course / "solutions", course / IN_A_COURSE, INSTALLED.parent):
        if folder.is_relative_to(secret.resolve()) or secret.resolve().is_relative_to(folder):
            raise AssignmentError(
                f"{file} names the package {name!r}, whose folder {folder} holds or is part of {secret}. A box shows "
                "packages to student code, so answers and checks may not be in one."
            )
    return folder


def _require_files(assignment: Assignment) -> None:
    if assignment.cases and not (assignment.inside / "cases.py").is_file():
        raise AssignmentError(f"{assignment.folder} has no inside/cases.py, but assignment.toml lists hidden cases.")
    there = {path.stem.removeprefix("check_") for path in assignment.checks.glob("check_*.py")}
    for task in sorted(assignment.cases.keys() ^ there):
        has, lacks = f"checks/check_{task}.py", "hidden cases under [cases] in assignment.toml"
        if task in assignment.cases:
            has, lacks = lacks, has
        raise AssignmentError(
            f"{assignment.folder} has {has} for the task {task}, but no {lacks}. Add it, or remove the other."
        )
    for task, cases in assignment.cases.items():
        if not cases:
            raise AssignmentError(
                f"{assignment.folder / 'assignment.toml'} lists no hidden case for the task {task}. Add one."
            )

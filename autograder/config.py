"""Every setting of the grader, frozen, read once and passed down: where things lie, limits, and the assignment."""

import dataclasses
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.assignments.assignment import Assignment, assignments_of, load_assignment
from autograder.errors import UsageError

MIB = 1 << 20


class SettingsError(UsageError):
    """There is no course here, or a setting in its pyproject.toml is unknown or has an unusable value."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Set in ``[tool.autograder.limits]`` of the course's pyproject.toml.

    Attributes:
        wall_s: Seconds of wall time for all cells of the notebook.
        call_s: Seconds of wall time for one call on hidden inputs.
        calls_s: Seconds of wall time for all calls on hidden inputs together.
        memory_bytes: Resident memory of the whole process tree.
        tasks: Processes and threads of the whole tree.
        output_bytes: Everything the cells print and display.
        scratch_bytes: Files under /tmp inside the box.
        evidence_bytes: What the hidden calls may emit together; one message may hold a quarter of it.
        file_bytes: Size of the submitted file.
    """

    wall_s: float = 120.0
    call_s: float = 30.0
    calls_s: float = 120.0
    memory_bytes: int = 4096 * MIB
    tasks: int = 256
    output_bytes: int = 8 * MIB
    scratch_bytes: int = 512 * MIB
    evidence_bytes: int = 64 * MIB
    file_bytes: int = 64 * MIB


@dataclass(frozen=True)
class Settings:
    """Where the course is and how to grade it.

    Attributes:
        course: The folder with pyproject.toml, ``solutions`` and ``assignment``.
        workspace: Everything grading produces goes here.
        assignment: What is graded.
        jobs: Boxes at a time.
        cold: Start every box from nothing, without a template that has torch loaded.
        unsafe_no_box: Run without isolation; every report says so.
        own_user: Without a box, and started by root: run as a user that owns nothing (box/unboxed.py).
        whole: Run all given cells, also those that cannot change a grade.
    """

    course: Path
    workspace: Path
    assignment: Assignment
    jobs: int = 1
    cold: bool = False
    unsafe_no_box: bool = False
    own_user: bool = False
    whole: bool = False
    limits: Limits = Limits()

    @property
    def solutions_notebook(self) -> Path:
        """The answer key."""
        return solutions_notebook(self.course, self.assignment.name)

    @property
    def release_notebook(self) -> Path:
        """The notebook that students start from."""
        return self.course / "assignment" / self.assignment.name / f"{self.assignment.name}.ipynb"


def solutions_notebook(course: Path, assignment: str) -> Path:
    """Where a course keeps the answer key of an assignment."""
    return course / "solutions" / assignment / f"{assignment}.ipynb"


def find_course(start: Path) -> Path:
    """The nearest folder at or above ``start`` that is a course; else the checkout that this package runs from.

    Raises:
        SettingsError: There is none; an installed package has no checkout.
    """
    for folder in (start, *start.parents, Path(__file__).resolve().parent.parent):
        if (folder / "pyproject.toml").is_file() and (folder / "solutions").is_dir():
            return folder
    raise SettingsError(
        f"There is no course at or above {start}. A course folder holds pyproject.toml and "
        "solutions/<assignment>/<assignment>.ipynb. Start the command in one, or name it with --course."
    )


def load_settings(course: Path, workspace: Path, assignment: str | None = None, **overrides: Any) -> Settings:
    """Settings for ``course`` with the limits its pyproject.toml sets.

    Args:
        assignment: Its name; None if the course has one only.

    Raises:
        SettingsError: A limit is unknown, or not a positive number; or it is not clear which assignment is meant.
        AssignmentError: The assignment's folder cannot be used.
    """
    limits = load_limits(course)
    overrides.setdefault("jobs", max(1, min(_cores(), memory_bytes() // limits.memory_bytes)))
    chosen = load_assignment(_only_one(course) if assignment is None else _known(course, assignment), course)
    return Settings(course=course, workspace=workspace, assignment=chosen, limits=limits, **overrides)


def _known(course: Path, assignment: str) -> str:
    known = assignments_of(course)
    if assignment not in known:
        found = ", ".join(known) or "none"
        raise SettingsError(
            f"There is no assignment {assignment!r} in {course / 'solutions'}. Found there: {found}. "
            "An assignment is a folder that holds a notebook of the same name."
        )
    return assignment


def _only_one(course: Path) -> str:
    known = assignments_of(course)
    if not known:
        raise SettingsError(
            f"There is no solutions notebook in {course}. Expected: solutions/<assignment>/<assignment>.ipynb. Start "
            "the command in the course folder or give --course."
        )
    if len(known) > 1:
        raise SettingsError(f"{course} has several assignments ({', '.join(known)}). Name one with --assignment.")
    return known[0]


def load_limits(course: Path) -> Limits:
    """The limits that the course's pyproject.toml sets, the usual ones for the rest.

    Raises:
        SettingsError: One is unknown, or not a positive number.
    """
    file = course / "pyproject.toml"
    table: dict[str, Any] = {}
    if file.is_file():
        try:
            document = tomllib.loads(file.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file} is not valid TOML: {error}.") from None
        for name in ("tool", "autograder", "limits"):
            document = document.get(name, {})
            if not isinstance(document, dict):
                raise SettingsError(f"{file} sets {name} = {document!r}; expected the table [tool.autograder.limits].")
        table = document
    known = {field.name: field.type for field in dataclasses.fields(Limits)}
    for name, value in table.items():
        if name not in known:
            raise SettingsError(f"{file} sets an unknown limit {name!r}; known are {', '.join(known)}.")
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole or (known[name] is float and isinstance(value, float))) or not 0 < value < 2**62:
            kind = "number" if known[name] is float else "whole number"
            raise SettingsError(f"{file} sets {name} = {value!r}; expected a positive {kind}.")
    return Limits(**table)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def memory_bytes(root: Path = Path("/")) -> int:
    """Memory that the grader and its boxes may use: the machine's, or less where a control group says so.

    Args:
        root: Where /proc and /sys are looked for.
    """
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        # Version 2 has one folder for all controllers, whose list is empty then; version 1 has one for each.
        name = "memory/{}/memory.limit_in_bytes" if "memory" in controllers.split(",") else "{}/memory.max"
        for group in (Path(path), *Path(path).parents):
            text = _read(root / "sys/fs/cgroup" / name.format(str(group).strip("/") or "."))
            found += [int(text)] if text.strip().isdecimal() else []
    return min(found)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""

"""Makes what students get from the solutions notebook: the released notebook and the bundle around it.

The same preprocessors as ``nbgrader generate_assignment``, so both give the same bytes.
"""

import contextlib
import importlib.metadata
import importlib.util
import io
import json
import os
import re
import tomllib
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import nbformat
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook, InvalidEntry
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
    SaveCells,
)
from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError
from traitlets.config import Config

from autograder.config import Settings
from autograder.errors import GraderError, UsageError
from autograder.files import write_whole

LOCKED_S = 30  # that another program may hold the gradebook; a formgrader does for moments
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
PACKAGE = Path(__file__).resolve().parent
DISTRIBUTION = "early-exit-course"
SEARCHED = (".py", ".json")  # files of course_lib that are text, and searched for answers
IMPORT = re.compile(r"(?:from|import) (course_lib[\w.]*)(?: import ([\w, ]+))?")
DATA_FILE = re.compile(r"\"([\w-]+\.(?:json|safetensors))\"")
# How a student installs; README.md says the same in the same words, which a test compares.
HOW_TO_START = """\
You need Python 3.11, 3.12, 3.13 or 3.14. In the folder of the notebook:

    python3 -m venv .venv && . .venv/bin/activate
    python -m pip install -r requirements.txt jupyterlab
    jupyter lab {name}.ipynb

On Windows type `py -m venv .venv`, then `.venv\\Scripts\\activate` in place of the first line.

On Linux pip takes PyTorch's build for NVIDIA GPUs, which needs 6 GB of disk. The build for CPUs is
enough and needs under 2 GB. To get it, type this before the second line:

    python -m pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu

On Windows and macOS (14 or later) pip takes a small build automatically; all of it needs 1 GB.
"""
HAND_IN = """
VS Code and Colab open the notebook too; the folder course_lib belongs next to it. Fill in the TODOs, run all cells,
and hand in {name}.ipynb.
"""
# Shorter lines, and these, are idioms that given code and solutions share; they answer nothing.
TELLING = 18
IDIOMS = frozenset({"with torch.no_grad():", "with torch.inference_mode():"})


def nbgrader_config(settings: Settings) -> Config:
    """The course's nbgrader settings; the root ``nbgrader_config.py`` uses the same."""
    config = Config()
    directory = config.CourseDirectory
    directory.root = str(settings.course)
    directory.source_directory = "solutions"
    directory.release_directory = "assignment"
    for step in ("submitted", "autograded", "feedback"):
        directory[f"{step}_directory"] = str(settings.workspace / step)
    directory.db_url = gradebook_url(settings)
    config.ClearSolutions.begin_solution_delimeter = BEGIN
    config.ClearSolutions.end_solution_delimeter = END
    config.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
    config.ClearSolutions.text_stub = "YOUR ANSWER HERE"
    config.Exporter.default_preprocessors = []
    return config


def gradebook_url(settings: Settings) -> str:
    """SQLAlchemy address of the workspace's gradebook."""
    return f"sqlite:///{settings.workspace / 'gradebook.db'}"


@contextlib.contextmanager
def gradebook_writing(settings: Settings) -> Iterator[str]:
    """The address for our own writing: with patience for a formgrader that is saving, and a sentence where it fails.

    Raises:
        GraderError: The gradebook is locked for longer, its disk is full, or it is damaged.
    """
    try:
        yield f"{gradebook_url(settings)}?timeout={LOCKED_S}"
    except (DatabaseError, InvalidEntry) as error:  # nbgrader makes the second of some of the first
        reason = getattr(error, "orig", error)
        raise GraderError(
            f"The gradebook in {settings.workspace} cannot be written ({reason}). If it is locked, close what has it "
            "open (a formgrader, another nbgrader); then run the same command again."
        ) from error


@contextlib.contextmanager
def no_commit(gradebook: Gradebook) -> Iterator[None]:
    """nbgrader commits after each row that it makes; here it only sends them."""
    gradebook.db.commit = gradebook.db.flush
    try:
        yield
    finally:
        del gradebook.db.commit


class _SaveCellsAtOnce(SaveCells):
    """nbgrader's, with one commit, not one a cell: each waits for the disk, seconds while templates are made."""

    def _create_notebook(self, nb: Any) -> None:
        with no_commit(self.gradebook):
            super()._create_notebook(nb)
        self.gradebook.db.commit()


def solutions(settings: Settings) -> Path:
    """The solutions notebook.

    Raises:
        UsageError: There is none.
    """
    path = settings.solutions_notebook
    if not path.is_file():
        raise UsageError(
            f"There is no solutions notebook {path}. Run the command in the course folder or give --course."
        )
    return path


def release_text(settings: Settings, *, save_to_gradebook: bool = False) -> str:
    """The released notebook as the text of its file.

    Args:
        save_to_gradebook: Also enter the assignment's cells and points in the workspace's gradebook.

    Raises:
        UsageError: There is no solutions notebook, or it is not one; or the gradebook belongs to another version.
        GraderError: The gradebook cannot be written.
    """
    path = solutions(settings)
    try:
        source = nbformat.read(path, as_version=4)
    except Exception as error:
        raise UsageError(f"{path} is not a notebook: {error}.") from None
    exporter = NotebookExporter(config=nbgrader_config(settings))
    steps = [LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ComputeChecksums]
    steps += [_SaveCellsAtOnce] if save_to_gradebook else []
    steps += [ClearHiddenTests, ClearMarkScheme, ComputeChecksums, CheckCellMetadata]
    for step in steps:
        exporter.register_preprocessor(step, enabled=True)
    resources = {
        "nbgrader": {
            "notebook": settings.assignment,
            "assignment": settings.assignment,
            "student": ".",
            "db_url": gradebook_url(settings),
        }
    }
    try:
        with gradebook_writing(settings) as address:
            if save_to_gradebook:
                _open_gradebook(settings, address)
                resources["nbgrader"]["db_url"] = address
            text, _ = exporter.from_notebook_node(source, resources=resources)
    except RuntimeError as error:
        if "submissions associated" not in str(error):
            raise UsageError(f"{path} cannot be released: {error}.") from None
        raise UsageError(
            f"The gradebook in {settings.workspace} holds grades of a version of the assignment with other cells. "
            "Grade this version in a workspace of its own (--workspace)."
        ) from None
    return text if text.endswith("\n") else text + "\n"


def _open_gradebook(settings: Settings, address: str) -> None:
    settings.workspace.mkdir(parents=True, exist_ok=True)
    file = settings.workspace / "gradebook.db"
    if not file.exists() or not file.stat().st_size:  # a program that was killed may leave an empty one
        # nbgrader makes it table by table: made beside, or a grader that is killed here would leave a part of one.
        beside = file.with_name(".gradebook.db.new")
        for left in (beside, beside.with_name(f"{beside.name}-journal")):
            left.unlink(missing_ok=True)
        # Stamped here, or nbgrader would start alembic's program to ask it for the version: two seconds, not 0.1.
        engine = create_engine(f"sqlite:///{beside}")
        with engine.begin() as connection:
            MigrationContext.configure(connection).stamp(ScriptDirectory(ALEMBIC_DIR), "head")
        engine.dispose()
        Gradebook(f"sqlite:///{beside}").close()
        os.replace(beside, file)
    with Gradebook(address) as gradebook:
        gradebook.update_or_create_assignment(settings.assignment)


def write_release(settings: Settings) -> tuple[Path, Path]:
    """Write the released notebook and the student bundle; their paths.

    Raises:
        UsageError: A line of a solution, of a check or of the grader would be handed out, or the bundle would lack
            a module of course_lib or what it needs.
    """
    text = release_text(settings)
    files = bundle_files(settings, text)
    leaks = find_leaks(settings, files)
    if leaks:
        raise UsageError("Nothing was released, because it would give answers away: " + "; ".join(leaks[:5]) + ".")
    missing = _missing(text, files, _course_lib_files(settings))
    if missing:
        raise UsageError(
            f"Nothing was released, because the notebook needs what the bundle would not hold: {', '.join(missing)}. "
            f"course_lib was taken from {_course_lib(settings)}. Complete that folder; without a folder course_lib in "
            "the course, the installed one is taken."
        )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            # A fixed date: the same content gives the same bytes.
            archive.writestr(zipfile.ZipInfo(f"{settings.assignment}/{name}", (1980, 1, 1, 0, 0, 0)), content)
        for name, path in _course_lib_files(settings).items():
            if path.suffix not in SEARCHED:
                archive.writestr(
                    zipfile.ZipInfo(f"{settings.assignment}/{name}", (1980, 1, 1, 0, 0, 0)), path.read_bytes()
                )
    bundle = settings.course / "dist" / f"{settings.assignment}.zip"
    write_whole(settings.release_notebook, text.encode())
    write_whole(bundle, made.getvalue())
    return settings.release_notebook, bundle


def bundle_files(settings: Settings, released: str) -> dict[str, str]:
    """Name -> text of everything a student gets, but for the data files of course_lib.

    Raises:
        UsageError: It is not known what course_lib needs.
    """
    files = {name: path.read_text() for name, path in _course_lib_files(settings).items() if path.suffix in SEARCHED}
    files[f"{settings.assignment}.ipynb"] = released
    files["requirements.txt"] = _requirements(settings)
    files["README.txt"] = (HOW_TO_START + HAND_IN).format(name=settings.assignment)
    return files


def _course_lib(settings: Settings) -> Path:
    """The course's own course_lib, else the installed one."""
    own = settings.course / "course_lib"
    if own.is_dir():
        return own
    installed = importlib.util.find_spec("course_lib")
    assert installed is not None and installed.origin is not None  # it is part of the same distribution
    return Path(installed.origin).parent


def _course_lib_files(settings: Settings) -> dict[str, Path]:
    """Name in the bundle -> file of course_lib."""
    root = _course_lib(settings)
    files = {}
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in inner.parts):
            files[f"course_lib/{inner.as_posix()}"] = path
    return files


def _missing(released: str, files: dict[str, str], names: Collection[str]) -> list[str]:
    """Files of course_lib that the notebook imports, or that one of its modules names, and that it lacks.

    Args:
        files: Those that are text.
        names: Those that it has.
    """
    missing = set()
    for line in _lines_of(".ipynb", released):
        found = IMPORT.match(line)
        if not found:
            continue
        module = found[1].replace(".", "/")
        package = files.get(f"{module}/__init__.py")
        if package is None and f"{module}.py" not in names:
            missing.add(f"{module}.py")
        for name in re.findall(r"\w+", found[2] or "") if package is not None else ():
            inside = {f"{module}/{name}.py", f"{module}/{name}/__init__.py"} & set(names)
            if not inside and not re.search(rf"\b{name}\b", package or ""):
                missing.add(f"{module}/{name}.py")
    there = {name.split("/")[-1] for name in names}
    opened = {file for name in files if name.endswith(".py") for file in DATA_FILE.findall(files[name])}
    return sorted(missing | (opened - there))


def _requirements(settings: Settings) -> str:
    """What course_lib needs: the dependencies in the course's pyproject.toml, else those of the installed package.

    Raises:
        UsageError: Neither names them.
    """
    file = settings.course / "pyproject.toml"
    named = tomllib.loads(file.read_text()).get("project", {}).get("dependencies") if file.is_file() else None
    if named is None:
        try:
            named = importlib.metadata.requires(DISTRIBUTION)
        except importlib.metadata.PackageNotFoundError:
            raise UsageError(
                f"Nothing was released, because it is not known what course_lib needs. Expected: dependencies under "
                f"[project] in {file}, or the installed package {DISTRIBUTION}; found neither. Install the package."
            ) from None
    return "".join(f"{requirement}\n" for requirement in named or () if "extra ==" not in requirement)


def find_leaks(settings: Settings, files: dict[str, str]) -> list[str]:
    """Sentences, one for each line in ``files`` that gives an answer away."""
    secrets = _solution_lines(settings) | _grader_lines()
    leaks = []
    for name, content in files.items():
        if name.split("/")[0] in ("autograder", "solutions", "tests"):
            leaks.append(f"{name} is not for students")
        for line in _lines_of(name, content):
            if line in secrets:
                leaks.append(f"{name} holds the line {line!r}")
    return leaks


def _lines_of(name: str, content: str) -> list[str]:
    if name.endswith(".ipynb"):
        content = "\n".join("".join(cell["source"]) for cell in json.loads(content)["cells"])
    return [line.strip() for line in content.splitlines()]


def _solution_lines(settings: Settings) -> set[str]:
    """What stands between the solution delimiters, less what the notebook itself gives."""
    inside: set[str] = set()
    given: set[str] = set()
    for cell in json.loads(settings.solutions_notebook.read_text())["cells"]:
        solving = False
        for line in "".join(cell["source"]).splitlines():
            if BEGIN in line or END in line:
                solving = BEGIN in line
            else:
                (inside if solving else given).add(line.strip())
    return {line for line in inside - given - IDIOMS if len(line) >= TELLING}


def _grader_lines() -> set[str]:
    """Code lines of the checks and the hidden cases; imports and brackets are nobody's secret."""
    lines: set[str] = set()
    for folder in ("judge", "inside"):
        for path in (PACKAGE / folder).rglob("*.py"):
            lines |= {line.strip() for line in path.read_text().splitlines()}
    return {line for line in lines if len(line) >= 2 * TELLING and not re.match(r"(from|import|#|@|return) ?", line)}

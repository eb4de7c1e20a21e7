"""Makes what students get from the solutions notebook: the released notebook and the bundle around it.

The same preprocessors as ``nbgrader generate_assignment``, so both give the same bytes.
"""

import contextlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
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
        UsageError: A line of a solution, of a check or of the grader would be handed out.
    """
    text = release_text(settings)
    files = bundle_files(settings, text)
    leaks = find_leaks(settings, files)
    if leaks:
        raise UsageError("Nothing was released, because it would give answers away: " + "; ".join(leaks[:5]) + ".")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            # A fixed date: the same content gives the same bytes.
            archive.writestr(zipfile.ZipInfo(f"{settings.assignment}/{name}", (1980, 1, 1, 0, 0, 0)), content)
        for path in sorted((settings.course / "course_lib").rglob("*.safetensors")):
            name = f"{settings.assignment}/{path.relative_to(settings.course).as_posix()}"
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), path.read_bytes())
    bundle = settings.course / "dist" / f"{settings.assignment}.zip"
    write_whole(settings.release_notebook, text.encode())
    write_whole(bundle, made.getvalue())
    return settings.release_notebook, bundle


def bundle_files(settings: Settings, released: str) -> dict[str, str]:
    """Name -> text of everything a student gets."""
    files = {f"{settings.assignment}.ipynb": released, "requirements.txt": _requirements(settings)}
    for path in sorted((settings.course / "course_lib").rglob("*")):
        if path.suffix in (".py", ".json"):
            files[path.relative_to(settings.course).as_posix()] = path.read_text()
    files["README.txt"] = (
        "1. python -m pip install -r requirements.txt\n"
        f"2. Open {settings.assignment}.ipynb in JupyterLab, VS Code or Colab, beside the folder course_lib.\n"
        f"3. Fill in the TODOs, run all cells, and hand in {settings.assignment}.ipynb.\n"
    )
    return files


def _requirements(settings: Settings) -> str:
    """The dependencies of course_lib, as pyproject.toml names them."""
    import tomllib

    project = tomllib.loads((settings.course / "pyproject.toml").read_text())["project"]
    return "".join(f"{requirement}\n" for requirement in project["dependencies"])


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

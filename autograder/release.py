"""Makes what students get from the solutions notebook: the released notebook and the bundle around it.

The same preprocessors as ``nbgrader generate_assignment``, so both give the same bytes.
"""

import importlib.metadata
import importlib.util
import io
import re
import tomllib
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)
from traitlets.config import Config

from autograder.config import Settings
from autograder.errors import UsageError
from autograder.files import write_whole
from autograder.leaks import BEGIN, END, find_leaks, lines_of

LOCKED = (LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ComputeChecksums)
RELEASED = (*LOCKED, ClearHiddenTests, ClearMarkScheme, ComputeChecksums, CheckCellMetadata)
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


def release_config() -> Config:
    """How nbgrader is to tell a solution, and what it is to put in its place."""
    config = Config()
    config.ClearSolutions.begin_solution_delimeter = BEGIN
    config.ClearSolutions.end_solution_delimeter = END
    config.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
    config.ClearSolutions.text_stub = "YOUR ANSWER HERE"
    config.Exporter.default_preprocessors = []
    return config


def release_text(settings: Settings) -> str:
    """The released notebook as the text of its file.

    Raises:
        UsageError: There is no solutions notebook, or it is not one.
    """
    return converted(settings, RELEASED)


def converted(settings: Settings, steps: Iterable[type], db_url: str = "") -> str:
    """The solutions notebook after some steps of nbgrader, as the text of a file.

    Args:
        db_url: SQLAlchemy address of the gradebook, for a step that writes to one.

    Raises:
        UsageError: There is no solutions notebook, or it is not one.
    """
    path = solutions(settings)
    try:
        source = nbformat.read(path, as_version=4)
    except Exception as error:
        raise UsageError(f"{path} is not a notebook: {error}.") from None
    exporter = NotebookExporter(config=release_config())
    for step in steps:
        exporter.register_preprocessor(step, enabled=True)
    name = settings.assignment
    resources = {"nbgrader": {"notebook": name, "assignment": name, "student": ".", "db_url": db_url}}
    try:
        text, _ = exporter.from_notebook_node(source, resources=resources)
    except RuntimeError as error:
        raise UsageError(f"{path} cannot be released: {error}.") from None
    return text if text.endswith("\n") else text + "\n"


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
    for line in lines_of(".ipynb", released):
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

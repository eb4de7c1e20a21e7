"""Makes what students get from the solutions notebook: the released notebook and the bundle around it.

The same preprocessors as ``nbgrader generate_assignment``, so both give the same bytes.
"""

import importlib.metadata
import io
import re
import tomllib
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

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
SEARCHED = (".py", ".json", ".html")  # files of packages that are text, and searched for answers
IMPORT = re.compile(r"(?:from|import) ([\w.]+)(?: import ([\w, ]+))?")
DATA_FILE = re.compile(r"\"([\w-]+\.(?:html|json|safetensors))\"")


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
        UsageError: The solutions notebook is not one.
    """
    return converted(settings, RELEASED)


def converted(settings: Settings, steps: Iterable[Any], db_url: str = "") -> str:
    """The solutions notebook after some steps of nbgrader, as the text of a file.

    Args:
        steps: Preprocessors, or their classes.
        db_url: SQLAlchemy address of the gradebook, for a step that writes to one.

    Raises:
        UsageError: The solutions notebook is not one.
    """
    path = settings.solutions_notebook
    try:
        source = nbformat.read(path, as_version=4)
    except Exception as error:
        raise UsageError(f"{path} is not a notebook: {error}.") from None
    exporter = NotebookExporter(config=release_config())
    for step in steps:
        exporter.register_preprocessor(step, enabled=True)
    for place, cell in enumerate(source.cells, start=1):
        if not cell.metadata.get("nbgrader", {}).get("grade_id"):
            begins = cell.source.strip().partition("\n")[0][:40]
            raise UsageError(
                f"Cell {place} of {path} ({begins!r}) has no grade id, and the grader could not tell it from others. "
                'Give it one in JupyterLab, in the sidebar "Create Assignment".'
            )
    name = settings.assignment.name
    resources = {"nbgrader": {"notebook": name, "assignment": name, "student": ".", "db_url": db_url}}
    try:
        text, _ = exporter.from_notebook_node(source, resources=resources)
    except RuntimeError as error:
        raise UsageError(f"{path} cannot be released: {error}.") from None
    return text if text.endswith("\n") else text + "\n"


def write_release(settings: Settings) -> tuple[Path, Path]:
    """Write the released notebook and the student bundle; their paths.

    Raises:
        UsageError: A line of a solution, of a check or of the grader would be handed out. Or the bundle would lack
            a module of the assignment's packages or what they need.
    """
    name, text = settings.assignment.name, release_text(settings)
    files = bundle_files(settings, text)
    leaks = find_leaks(settings, files)
    if leaks:
        raise UsageError("Nothing was released, because it would give answers away: " + "; ".join(leaks[:5]) + ".")
    from_packages = _package_files(settings)
    missing = _missing(text, files, from_packages)
    if missing:
        taken = ", ".join(
            f"{package} was taken from {folder}" for package, folder in settings.assignment.packages.items()
        )
        raise UsageError(
            f"Nothing was released, because the notebook needs what the bundle would not hold: {', '.join(missing)}. "
            f"{taken}. Complete that folder; without a folder of that name in the course, the installed one is taken."
        )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        content: dict[str, str | bytes] = dict(sorted(files.items()))
        content |= {inner: path.read_bytes() for inner, path in from_packages.items() if path.suffix not in SEARCHED}
        for inner, data in content.items():
            # A fixed date: the same content gives the same bytes.
            entry = zipfile.ZipInfo(f"{name}/{inner}", (2026, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, data)
    bundle = settings.course / "dist" / f"{name}.zip"
    write_whole(settings.release_notebook, text.encode())
    write_whole(bundle, made.getvalue())
    return settings.release_notebook, bundle


def bundle_files(settings: Settings, released: str) -> dict[str, str]:
    """Name -> text of everything a student gets, but for the data files of the assignment's packages.

    Raises:
        UsageError: It is not known what these packages need.
    """
    assignment = settings.assignment
    files = {name: path.read_text() for name, path in _package_files(settings).items() if path.suffix in SEARCHED}
    files[f"{assignment.name}.ipynb"] = released
    files["requirements.txt"] = _requirements(settings)
    readme = assignment.folder / "README.txt"
    return files | ({"README.txt": readme.read_text()} if readme.is_file() else {})


def _package_files(settings: Settings) -> dict[str, Path]:
    """Name in the bundle -> file of the assignment's packages."""
    files = {}
    for package, root in settings.assignment.packages.items():
        for path in sorted(root.rglob("*")):
            inner = path.relative_to(root)
            if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in inner.parts):
                files[f"{package}/{inner.as_posix()}"] = path
    return files


def _missing(released: str, files: dict[str, str], names: Collection[str]) -> list[str]:
    """Files of the assignment's packages that the notebook imports, or that a module names, and that are not there.

    Args:
        files: Those that are text.
        names: Those that it has.
    """
    missing = set()
    packages = {name.partition("/")[0] for name in names}
    for line in lines_of(".ipynb", released):
        found = IMPORT.match(line)
        if not found or found[1].partition(".")[0] not in packages:
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
    """What students must install: the dependencies in the course's pyproject.toml, else the installed package's.

    What the assignment requires, and these do not name, is added.

    Raises:
        UsageError: Neither names them, or they are no list of texts.
    """
    file = settings.course / "pyproject.toml"
    project = tomllib.loads(file.read_text()).get("project", {}) if file.is_file() else {}
    named = project.get("dependencies") if isinstance(project, dict) else project
    if named is not None and not (isinstance(named, list) and all(isinstance(one, str) for one in named)):
        raise UsageError(f"{file} sets dependencies = {named!r} under [project]; expected a list of texts in quotes.")
    if named is None:
        try:
            named = importlib.metadata.requires(DISTRIBUTION)
        except importlib.metadata.PackageNotFoundError:
            raise UsageError(
                "Nothing was released, because it is not known what students must install. Expected: dependencies "
                f"under [project] in {file}, or the installed package {DISTRIBUTION}; found neither. "
                "Install the package."
            ) from None
    lines = [requirement for requirement in named or () if "extra ==" not in requirement]
    there = {_plain_name(requirement) for requirement in lines}
    lines += [name for name in settings.assignment.requires if _plain_name(name) not in there]
    return "".join(f"{line}\n" for line in lines)


def _plain_name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()

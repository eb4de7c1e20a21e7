"""Makes the zip that an instructor uploads as Gradescope's autograder. It holds the answer key: students never get it.

setup.sh, run_autograder                what Gradescope calls
requirements.txt, constraints.txt       what setup.sh installs
gradescope.json                         what the instructor chose
grader/autograder/                      the grader, as it runs here
course/                                 the solutions, the limits, the assignment's folder and packages
"""

import importlib.metadata
import io
import json
import re
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from autograder.assignments.assignment import IN_A_COURSE, INSTALLED
from autograder.config import Settings
from autograder.errors import UsageError
from autograder.files import write_whole
from autograder.gradescope.run import CONFIGURATION
from autograder.intake.master import master_cells, points_by_task
from autograder.release import DISTRIBUTION

HERE = Path(__file__).resolve().parent
GRADER = INSTALLED.parent
LEFT_OUT = {"__pycache__", "experiments"}
EXTRA = "grading"


def write_bundle(settings: Settings, *, unsafe_no_box: bool = False) -> Path:
    """Write the zip into the workspace, which students do not see; its path.

    The same course gives the same zip: the secret behind the hidden inputs is kept in the workspace.

    Raises:
        UsageError: It is not known which packages the grader needs.
    """
    name = settings.assignment.name
    place = settings.workspace / name
    choices = {"assignment": name, "secret": _secret(place / "gradescope_secret"), "unsafe_no_box": unsafe_no_box}
    texts = {
        "requirements.txt": "".join(f"{one}\n" for one in _requirements(settings)),
        "constraints.txt": _constraints(settings),
        CONFIGURATION: json.dumps(choices, indent=1) + "\n",
    }
    fresh = place / f"{name}-gradescope-autograder.zip"
    fresh.parent.mkdir(parents=True, exist_ok=True)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for inner, text in texts.items():
            _add(archive, inner, text.encode(), 0o644)
        for inner, path in sorted(_files(settings)):
            _add(archive, inner, path.read_bytes(), 0o755 if inner in ("setup.sh", "run_autograder") else 0o644)
    write_whole(fresh, made.getvalue())
    return fresh


def points_on_gradescope(settings: Settings) -> tuple[float, float]:
    """Automatic points, and points for written answers, which the instructor sets up on Gradescope.

    Raises:
        UsageError: A cell carries automatic points and nothing checks it.
    """
    master = master_cells(json.loads(settings.solutions_notebook.read_text()))
    return sum(points_by_task(master).values()), sum(cell.points for cell in master if cell.is_question)


def _add(archive: zipfile.ZipFile, name: str, data: bytes, mode: int) -> None:
    entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))  # a fixed date: the same content gives the same bytes
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, mode << 16
    archive.writestr(entry, data)


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Name in the zip and file of everything that is a file here."""
    for script in ("setup.sh", "run_autograder"):
        yield script, HERE / script
    assignment = settings.assignment
    yield f"course/solutions/{assignment.name}/{assignment.name}.ipynb", settings.solutions_notebook
    if (settings.course / "pyproject.toml").is_file():
        yield "course/pyproject.toml", settings.course / "pyproject.toml"
    for path in _below(GRADER):
        inner = path.relative_to(GRADER)
        if inner.parts[0] != "assignments" or len(inner.parts) == 2:
            yield f"grader/autograder/{inner.as_posix()}", path
    folders = {f"course/{package}": folder for package, folder in assignment.packages.items()}
    for place, folder in (folders | {f"course/{IN_A_COURSE}/{assignment.name}": assignment.folder}).items():
        for path in _below(folder):
            yield f"{place}/{path.relative_to(folder).as_posix()}", path


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        inner = path.relative_to(folder).parts
        if path.is_file() and not LEFT_OUT & set(inner) and not any(part.startswith(".") for part in inner):
            yield path


def _secret(file: Path) -> str:
    """What the seeds of submissions follow from; kept, so that another zip grades a submission on the same inputs."""
    if file.is_file() and (kept := file.read_text().strip()):
        return kept
    drawn = secrets.token_hex(16)
    write_whole(file, f"{drawn}\n".encode())
    return drawn


def _requirements(settings: Settings) -> list[str]:
    """What the grader and the assignment need.

    Raises:
        UsageError: The installed package does not say.
    """
    try:
        named = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        raise UsageError(
            f"It is not known which packages the grader needs: {DISTRIBUTION} is not installed. Install it."
        ) from None
    found = [Requirement(text) for text in named]
    wanted = [one for one in found if one.marker is None or one.marker.evaluate({"extra": EXTRA})]
    lines = [f"{one.name}{one.specifier}" for one in wanted]
    there = {_plain(one.name) for one in wanted}
    return sorted(lines) + [name for name in settings.assignment.requires if _plain(name) not in there]


def _constraints(settings: Settings) -> str:
    """The course's own pins, which serve every Python; else the releases that are installed here."""
    if (pins := settings.course / "constraints.txt").is_file():
        return pins.read_text()
    waiting, seen, lines = _requirements(settings), set(), []
    while waiting:
        one = Requirement(waiting.pop())
        name = _plain(one.name)
        if name in seen or re.match("nvidia|triton|cuda", name):  # torch's own; its build for CPUs has none of them
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        lines.append(f"{name}=={found.version.partition('+')[0]}\n")
        needs = map(Requirement, found.requires or ())
        waiting += [str(need) for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return "".join(sorted(lines))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

"""Names for content: what was graded before under the same name need not be graded again.

Three of them, each made of everything that the thing depends on: the surroundings a notebook runs in, one run in them,
and the grading of one file. Light: nothing here imports nbgrader, Jupyter or torch.
"""

import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import json
import platform
import site
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

from autograder.box.isolation import packages_elsewhere
from autograder.config import Settings
from autograder.intake.rebuild import Rebuilt

PACKAGE = Path(__file__).resolve().parent
MAKING_A_RUN = ("inside", "box", "execute.py", "outputs.py")
LENGTH = 32  # hexadecimal digits: 128 bits, for students choose what is hashed


def surroundings(settings: Settings) -> str:
    """Of everything beside the notebook that a run depends on: code in and of the box, packages, profile, limits."""
    found = importlib.util.find_spec("course_lib")  # the one that the box shows
    assert found is not None and found.origin is not None
    # Not sys.path, which grows by what is imported. The others: of a virtual environment that sees the system's.
    folders = [sysconfig.get_path("purelib"), *site.getsitepackages(), *map(str, packages_elsewhere())]
    return _hash(
        [_files(PACKAGE / name) for name in MAKING_A_RUN],
        _files(Path(found.origin).parent),
        [
            platform.python_version(),
            *sorted({f"{one.name} {one.version}" for one in importlib.metadata.distributions(path=folders)}),
        ],
        [settings.profile, settings.unsafe_no_box, dataclasses.asdict(settings.limits)],
    )


def run_name(rebuilt: Rebuilt, cases: Iterable[tuple[str, str]], seed: int, around: str) -> str:
    """Of one run: the cells as they stand in the rebuilt notebook, what is called afterwards, the surroundings."""
    cells = [(cell.kind, cell.source, cell.master and cell.master.grade_id) for cell in rebuilt.cells]
    return _hash(cells, list(cases), seed, around)


def kept_name(run: str, silent: Sequence[bool], explain: bool) -> str:
    """Of what is kept of a run: whether each cell's outputs are left out, and whether wrong answers are explained.

    It begins with the name of the run, so that everything kept of one run lies in one folder.
    """
    return f"{run}/{_hash(run, list(silent), explain)}"


def course_name(settings: Settings, seed: int, box: str) -> str:
    """Of everything beside the file that a grade depends on: the surroundings, the solutions, the grader itself."""
    return _hash(
        surroundings(settings),
        _files(PACKAGE),
        hashlib.sha256(settings.solutions_notebook.read_bytes()).hexdigest(),
        [importlib.metadata.version("nbgrader"), settings.assignment, seed, box],
    )


def file_name(data: bytes, notes: Sequence[str], course: str) -> str:
    """Of the grading of one file in a course."""
    return _hash(hashlib.sha256(data).hexdigest(), list(notes), course)


def _files(place: Path) -> list[tuple[str, str]]:
    """Of a folder, or of one file: its parts' names and what is in them."""
    paths = [place] if place.is_file() else sorted(place.rglob("*"))
    paths = [path for path in paths if path.is_file() and path.suffix != ".pyc"]
    return [(str(path.relative_to(place)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]


def _hash(*parts: object) -> str:
    text = json.dumps(parts, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]

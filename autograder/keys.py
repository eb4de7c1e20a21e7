"""Content -> keys: hashes of everything that a thing depends on. What has the same key need not be made again.

``run_key`` covers the rebuilt cells, the hidden calls, the seed and the surroundings. Surroundings are the code in and
of the box, the assignment's packages, every installed package, and the limits. ``grade_key`` covers the file, the
grader, the solutions, the checks and the same surroundings.

So an unchanged class needs no import of nbgrader, an edited check judges stored runs, and a killed grader has nothing
to run again. Light: nothing here imports nbgrader, Jupyter or torch.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
import re
import site
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.box.mounts import packages_elsewhere
from autograder.config import Settings
from autograder.intake.rebuild import Rebuilt

PACKAGE = Path(__file__).resolve().parent
MAKING_A_RUN = (
    "inside",
    "box",
    "execute.py",
    "outputs.py",
    "pictures.py",
    "raised.py",
    "session.py",
    "intake/composed.py",
    "intake/given.py",
    "intake/master.py",
    "intake/names.py",
    "intake/needed.py",
    "intake/rebuild.py",
    "intake/statements.py",
)
LENGTH = 32  # hexadecimal digits: 128 bits, because students choose what is hashed


@dataclass(frozen=True)
class Basis:
    """The basis that a class is graded on.

    Attributes:
        seed: Seed of the hidden inputs.
        drawn: Whether the seed was drawn, because nobody asked for one.
        box: What isolates submissions, for reports.
        surroundings: Hash of everything but the notebook that a run depends on.
        key: Hash of everything but the file that a grade depends on.
        parts: The same in parts, so that two gradings can be compared: what -> its hash.
    """

    seed: int
    drawn: bool
    box: str
    surroundings: str
    key: str
    parts: Mapping[str, str] = dataclasses.field(default_factory=dict)


def surroundings_parts(settings: Settings) -> dict[str, str]:
    """Everything but the notebook that a run depends on -> its hash."""
    # Not sys.path, which imports can extend. getsitepackages: a virtual environment may see the system's packages.
    folders = {sysconfig.get_path("purelib"), *site.getsitepackages(), *map(str, packages_elsewhere(settings))}
    assignment = settings.assignment
    # The standard finder by its name. Dask on Python 3.11 puts another one first, which raises for a broken package.
    where = importlib.metadata.DistributionFinder.Context(path=list(folders))
    found = importlib.metadata.MetadataPathFinder.find_distributions(where)
    installed = {_name_and_version(one) for one in found}
    return {
        "cases": _hash(_files(assignment.inside), [assignment.environment, assignment.preload]),
        "packages": _hash(
            {name: _files(folder) for name, folder in assignment.packages.items()},
            [platform.python_version(), *sorted(installed)],
        ),
        "limits": _hash(settings.unsafe_no_box, settings.own_user, settings.whole, dataclasses.asdict(settings.limits)),
        "running": _hash([_code(PACKAGE / name) for name in MAKING_A_RUN]),
    }


def _name_and_version(installed: importlib.metadata.Distribution) -> str:
    """The two lines of a package's metadata. Its own ``version`` parses all of the file, README included, each time."""
    texts = (installed.read_text(name) for name in ("METADATA", "PKG-INFO", ""))  # "": an .egg-info that is a file
    text = next(filter(None, texts), "")
    return " ".join(re.findall(r"^(?:Name|Version): *(.+)", text.partition("\n\n")[0], re.MULTILINE))


def surroundings_key(settings: Settings) -> str:
    """Key of everything but the notebook that a run depends on: code in and of the box, packages, limits."""
    return parts_key(surroundings_parts(settings))


def parts_key(parts: Mapping[str, str]) -> str:
    """Key of several parts together."""
    return _hash(dict(sorted(parts.items())))


def code_key() -> str:
    """Key of the code that makes a run, as it is on disk now. A process that runs for days may have loaded an older."""
    return _hash([_code(PACKAGE / name) for name in MAKING_A_RUN])


def run_key(rebuilt: Rebuilt, cases: Iterable[tuple[str, str]], seed: int, surroundings: str) -> str:
    """Key of one run: the cells of the rebuilt notebook, what is called afterwards, the surroundings."""
    cells = [(cell.kind, cell.source, cell.master and cell.master.grade_id) for cell in rebuilt.cells]
    return _hash(cells, list(cases), seed, surroundings)


def stored_key(run: str, silent: Sequence[bool], left_out: Iterable[int], explain: bool) -> str:
    """Key of a stored run, which also depends on which cells or their outputs were left out and on ``explain``.

    It begins with the key of the run, so that everything stored of one run lies in one folder.
    """
    return f"{run}/{_hash(run, list(silent), sorted(left_out), explain)}"


def judging_parts(settings: Settings) -> dict[str, str]:
    """Everything but a run that a grade depends on -> its hash: checks, solutions, points, the grader itself."""
    assignment = settings.assignment
    solutions, points = _without_points(settings.solutions_notebook.read_bytes())
    return {
        "checks": _hash([_files(place) for place in (assignment.folder / "assignment.toml", assignment.checks)]),
        "solutions": _hash(assignment.name, solutions),
        "points": _hash(points),
        "grader": _hash(
            [entry for entry in _code(PACKAGE) if not re.match("assignments/.*/", entry[0])],
            importlib.metadata.version("nbgrader"),
        ),
    }


def make_basis(settings: Settings, seed: int, drawn: bool, box: str) -> Basis:
    """What a class is graded on with these settings.

    Args:
        seed: Seed of the hidden inputs.
        drawn: Whether it was drawn.
        box: What isolates submissions.
    """
    surroundings = surroundings_parts(settings)
    parts = surroundings | judging_parts(settings)
    return Basis(seed, drawn, box, parts_key(surroundings), _hash(parts_key(parts), seed, box), parts)


def _without_points(solutions: bytes) -> tuple[object, dict[str, object]]:
    """A notebook without its points, and these by grade_id; what is no notebook has none."""
    points: dict[str, object] = {}
    try:
        document = json.loads(solutions)
        for cell in document["cells"]:
            nbgrader = cell["metadata"].get("nbgrader", {})
            if "points" in nbgrader:
                points[nbgrader["grade_id"]] = nbgrader.pop("points")
    except (ValueError, LookupError, TypeError, AttributeError):
        return hashlib.sha256(solutions).hexdigest(), {}
    return document, points


def file_key(data: bytes) -> str:
    """Key of a file's content."""
    return hashlib.sha256(data).hexdigest()[:LENGTH]


def grade_key(data: bytes, notes: Sequence[str], course: str) -> str:
    """Key of the grade of one file in a course."""
    return _hash(hashlib.sha256(data).hexdigest(), list(notes), course)


def _files(place: Path) -> list[tuple[str, str]]:
    """The content of a folder, or of one file: (name, hash of the content) pairs."""
    paths = [place] if place.is_file() else sorted(place.rglob("*"))
    paths = [path for path in paths if path.is_file() and path.suffix != ".pyc"]
    return [(str(path.relative_to(place)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]


def _code(place: Path) -> list[tuple[str, str]]:
    """The files of a part of the grader, without pages for people: a reworded sentence changes no grade."""
    return [(name, content) for name, content in _files(place) if not name.endswith(".md")]


def _hash(*parts: object) -> str:
    text = json.dumps(parts, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]

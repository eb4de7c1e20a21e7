"""Builds a class of submissions, right and wrong ones, from the folders under tests/submissions/.

    python tests/support/sample_class.py DEST                    writes DEST/<case>.ipynb for every case
    python tests/support/sample_class.py --compare RESULTS.JSON   says where the grades differ from the cases' own

A case is a folder: `case.toml` says what is wrong and which grade that should come to, and each
`<grade_id>.py` is a whole solution cell as a student handed it in. Everything else is from the course's two
notebooks, so that the cases follow them. Knows nothing of the grader, and of nbgrader only its cell metadata.
"""

import copy
import json
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SUBMISSIONS = ROOT / "tests" / "submissions"
SOLUTION = ROOT / "solutions" / "early_exit" / "early_exit.ipynb"
RELEASE = ROOT / "assignment" / "early_exit" / "early_exit.ipynb"

Notebook = dict[str, Any]
Cell = dict[str, Any]

MARKER = re.compile(r"\s*### (BEGIN|END) SOLUTION\s*")
STUB = re.compile(r"\s*[\w\s,.\[\]]+ = \.\.\.(\s*#.*)?")  # `outputs, loss = ...`, which a student writes over


def read_case(folder: Path) -> dict[str, Any]:
    """What `case.toml` says: description, base, verdict, score; where given also damage, tasks, notes."""
    return tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))


def build_case(folder: Path, solution_nb: Notebook, release_nb: Notebook) -> bytes:
    """The file that the student of one case hands in.

    Args:
        folder: The case.
        solution_nb: The solutions notebook, as json reads it.
        release_nb: The released one. Both stay as they are.

    Raises:
        ValueError: The case names a base, a damage or a solution cell that does not exist.
    """
    case = read_case(folder)
    try:
        notebook = build_notebook(case["base"], solution_nb, release_nb)
    except ValueError as error:
        raise ValueError(f"{folder.name}: {error}") from None
    for file in sorted(folder.glob("*.py")):
        replace_source(notebook, file.stem, file.read_text(encoding="utf-8").rstrip("\n"), folder.name)

    damages = case.get("damage", [])
    unknown = [name for name in damages if name not in NOTEBOOK_DAMAGE | FILE_DAMAGE]
    if unknown:
        known = ", ".join(NOTEBOOK_DAMAGE | FILE_DAMAGE)
        raise ValueError(f"{folder.name}: no damage is called {unknown[0]!r}; known are {known}.")
    for name in damages:
        if name in NOTEBOOK_DAMAGE:
            NOTEBOOK_DAMAGE[name](notebook)
    content = json.dumps(notebook, indent=1, ensure_ascii=False).encode() + b"\n"
    for name in damages:
        if name in FILE_DAMAGE:
            content = FILE_DAMAGE[name](content)
    return content


def build_notebook(base: str, solution_nb: Notebook, release_nb: Notebook) -> Notebook:
    """The released notebook as it is ("release"), or with the solutions as a student would type them ("solution").

    Raises:
        ValueError: There is no such base.
    """
    if base not in ("solution", "release"):
        raise ValueError(f"base must be solution or release, not {base!r}.")
    notebook = copy.deepcopy(release_nb)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    if base == "solution":
        for grade_id, cell in solution_cells(solution_nb).items():
            replace_source(notebook, grade_id, written_by_a_student(cell), base)
    return notebook


def build_class(dest: Path) -> None:
    """Write every case as `dest/<case>.ipynb`, from the course's two notebooks."""
    solution_nb, release_nb = (json.loads(file.read_text(encoding="utf-8")) for file in (SOLUTION, RELEASE))
    dest.mkdir(parents=True, exist_ok=True)
    for folder in case_folders():
        (dest / f"{folder.name}.ipynb").write_bytes(build_case(folder, solution_nb, release_nb))


def case_folders() -> list[Path]:
    """Every case, by name."""
    return sorted(file.parent for file in SUBMISSIONS.glob("*/case.toml"))


# --- cells ---


def solution_cells(notebook: Notebook) -> dict[str, Cell]:
    """The cells that students fill in, code and written, by grade_id."""
    marked = ((nbgrader(cell), cell) for cell in notebook["cells"])
    return {meta["grade_id"]: cell for meta, cell in marked if meta.get("solution")}


def check_cells(notebook: Notebook) -> list[Cell]:
    """The locked self-checks that carry the automatic points."""
    marked = ((nbgrader(cell), cell) for cell in notebook["cells"])
    return [cell for meta, cell in marked if meta.get("grade") and not meta.get("solution")]


def nbgrader(cell: Cell) -> dict[str, Any]:
    """The cell's nbgrader metadata, empty when it has none."""
    return cell["metadata"].get("nbgrader", {})


def written_by_a_student(cell: Cell) -> str:
    """The text of a solution cell without the marker lines, and without the stubs that it writes over."""
    lines = "".join(cell["source"]).splitlines()  # a source is one string or a list of lines
    drop = (MARKER, STUB) if cell["cell_type"] == "code" else (MARKER,)
    return "\n".join(line for line in lines if not any(pattern.fullmatch(line) for pattern in drop))


def replace_source(notebook: Notebook, grade_id: str, source: str, case: str) -> None:
    """Put a student's text in the solution cell with this grade_id."""
    cells = solution_cells(notebook)
    if grade_id not in cells:
        raise ValueError(f"{case}: the notebook has no solution cell {grade_id!r}; it has {', '.join(cells)}.")
    cells[grade_id]["source"] = source


# --- damage to the notebook, in place ---


def strip_metadata(notebook: Notebook) -> None:
    """Lose every cell's metadata and id, as a round through Colab does."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    notebook["nbformat_minor"] = 0  # ids came with 4.5


def duplicate_solution_cells(notebook: Notebook) -> None:
    """Follow every solution cell with a copy of it, grade_id and cell id included."""
    solutions = [id(cell) for cell in solution_cells(notebook).values()]
    doubled = []
    for cell in notebook["cells"]:
        doubled += [cell, copy.deepcopy(cell)] if id(cell) in solutions else [cell]
    notebook["cells"] = doubled


def empty_check_cells(notebook: Notebook) -> None:
    """Write `pass` over every self-check."""
    for cell in check_cells(notebook):
        cell["source"] = "pass"


def skip_check_cells(notebook: Notebook) -> None:
    """Tag every self-check so that nbclient, left alone, does not run it."""
    for cell in check_cells(notebook):
        cell["metadata"]["tags"] = ["skip-execution"]


# --- damage to the file ---


def truncate(content: bytes) -> bytes:
    """Stop in the middle, as a broken upload does."""
    return content[: len(content) // 2]


def leave_nothing(content: bytes) -> bytes:
    """Hand in a file of no bytes."""
    return content[:0]


NOTEBOOK_DAMAGE: dict[str, Callable[[Notebook], None]] = {
    damage.__name__: damage
    for damage in (strip_metadata, duplicate_solution_cells, empty_check_cells, skip_check_cells)
}
FILE_DAMAGE: dict[str, Callable[[bytes], bytes]] = {damage.__name__: damage for damage in (truncate, leave_nothing)}


# --- what came of it ---


def differences(results: dict[str, Any]) -> list[str]:
    """Where a `results.json` differs from what the cases say: one sentence each."""
    graded = {entry["student"]: entry for entry in results["submissions"]}
    found = []
    for folder in case_folders():
        case, name = read_case(folder), folder.name
        entry = graded.get(name)
        if entry is None:
            found.append(f"{name}: not graded")
            continue
        for key in ("verdict", "score"):
            if entry[key] != case[key]:
                found.append(f"{name}: expected {key} {case[key]}, found {entry[key]}")
        for task, graded_task in entry["tasks"].items():
            wanted = case.get("tasks", {}).get(task, graded_task["max_score"])
            if graded_task["score"] != wanted:
                found.append(f"{name}: expected {wanted} for {task}, found {graded_task['score']}")
        for note in case.get("notes", []):
            if not any(note in said for said in entry["notes"]):
                found.append(f"{name}: expected a note with {note!r}, found {entry['notes']}")
    return found


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--compare":
        wrong = differences(json.loads(Path(sys.argv[2]).read_text()))
        print("\n".join(wrong) or f"All {len(case_folders())} cases came to their expected verdict and points.")
        sys.exit(bool(wrong))
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/support/sample_class.py DEST | --compare RESULTS.JSON")
    build_class(Path(sys.argv[1]))

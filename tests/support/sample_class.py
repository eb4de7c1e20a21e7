"""Builds a class of submissions, right and wrong ones, from the folders of submissions/.

    python tests/support/sample_class.py build DEST            writes a notebook into DEST for every case of the sample
    python tests/support/sample_class.py compare WORKSPACE     says where the grades differ from the cases' own

`--all` takes every case, not only the sample; names of cases take just these.

A case is a folder: `case.toml` says what is wrong and which grade that should get, each `<grade_id>.py` is a whole
solution cell as a student handed it in, and `_top.py` and `_end.py` are cells that the student added. Everything else
is from the course's two notebooks, so that the cases follow them. Knows nothing of the grader but the two files it
writes for each student, and of nbgrader only its cell metadata.
"""

import argparse
import base64
import copy
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SUBMISSIONS = ROOT / "tests" / "assignments" / "early_exit" / "submissions"
SOLUTION = ROOT / "solutions" / "early_exit" / "early_exit.ipynb"
RELEASE = ROOT / "assignment" / "early_exit" / "early_exit.ipynb"

Notebook = dict[str, Any]
Cell = dict[str, Any]

MARKER = re.compile(r"\s*### (BEGIN|END) SOLUTION\s*")
SCHEME = re.compile(r"^### BEGIN MARK SCHEME$.*?^### END MARK SCHEME$\n?", re.MULTILINE | re.DOTALL)
STUB = re.compile(r"\s*[\w\s,.\[\]]+ = \.\.\.(\s*#.*)?")  # `outputs, loss = ...`, which a student writes over


def read_case(folder: Path) -> dict[str, Any]:
    """What `case.toml` says: description, base, verdict, score, and where given these:

    damage: What happened to the notebook or its file, by the names of the functions below.
    file: Where the file lies in the class; `<case>.ipynb` where nothing is said.
    tasks: Points of the tasks that do not get full ones; `"*"` means all that are not named.
    notes: Texts that must be in the grader's notes.
    shows, hides: Texts that the outputs of the graded notebook show, or do not show.
    sample: Whether the case belongs to the sample class.
    """
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
    for file in sorted(folder.glob("[!_]*.py")):
        replace_source(notebook, file.stem, file.read_text(encoding="utf-8").rstrip("\n"), folder.name)

    if (top := folder / "_top.py").is_file():
        notebook["cells"].insert(0, added_cell(top))
    if (end := folder / "_end.py").is_file():
        notebook["cells"].append(added_cell(end))

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


def build_class(dest: Path, folders: Iterable[Path]) -> None:
    """Write each case below `dest`, from the course's two notebooks."""
    solution_nb, release_nb = (json.loads(file.read_text(encoding="utf-8")) for file in (SOLUTION, RELEASE))
    for folder in folders:
        file = dest / read_case(folder).get("file", f"{folder.name}.ipynb")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(build_case(folder, solution_nb, release_nb))


def case_folders() -> list[Path]:
    """Every case, by name."""
    return sorted(file.parent for file in SUBMISSIONS.glob("*/case.toml"))


def sample_folders() -> list[Path]:
    """The cases of the sample class: one of each kind, so that a first look takes minutes."""
    return [folder for folder in case_folders() if read_case(folder).get("sample")]


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
    """The text of a solution cell without the marker lines, a mark scheme, and the stubs that it writes over."""
    lines = SCHEME.sub("", "".join(cell["source"])).splitlines()  # a source is one string or a list of lines
    drop = (MARKER, STUB) if cell["cell_type"] == "code" else (MARKER,)
    return "\n".join(line for line in lines if not any(pattern.fullmatch(line) for pattern in drop))


def replace_source(notebook: Notebook, grade_id: str, source: str, case: str) -> None:
    """Put a student's text in the solution cell with this grade_id."""
    cells = solution_cells(notebook)
    if grade_id not in cells:
        raise ValueError(f"{case}: the notebook has no solution cell {grade_id!r}; it has {', '.join(cells)}.")
    cells[grade_id]["source"] = source


def added_cell(file: Path) -> Cell:
    """A code cell that the student added."""
    name = file.stem.strip("_")
    return {
        "cell_type": "code",
        "id": f"added-at-the-{name}",
        "metadata": {},
        "source": file.read_text(encoding="utf-8").rstrip("\n"),
        "outputs": [],
        "execution_count": None,
    }


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


def lose_ids(notebook: Notebook) -> None:
    """Lose every cell's id, and keep the metadata, as older editors do."""
    for cell in notebook["cells"]:
        del cell["id"]
    notebook["nbformat_minor"] = 4  # ids came with 4.5


def write_as_format_3(notebook: Notebook) -> None:
    """Save in the format of 2013: worksheets, `input` for a code cell's source, `pyout` for a result."""
    for cell in notebook["cells"]:
        del cell["id"]
        if cell["cell_type"] == "code":
            cell |= {"input": cell.pop("source"), "prompt_number": cell.pop("execution_count"), "language": "python"}
    notebook["worksheets"] = [{"cells": notebook.pop("cells"), "metadata": {}}]
    notebook["nbformat"], notebook["nbformat_minor"] = 3, 0


def choose_foreign_kernel(notebook: Notebook) -> None:
    """Name a kernel that no grader has."""
    kernel = {"display_name": "R of my own", "language": "R", "name": "ir-on-my-laptop"}
    notebook["metadata"] = {"kernelspec": kernel, "language_info": {"name": "R"}}


def delete_given_cells(notebook: Notebook) -> None:
    """Delete everything that was not the student's to write, the imports and the self-checks included."""
    notebook["cells"] = list(solution_cells(notebook).values())


def delete_two_answers(notebook: Notebook) -> None:
    """Delete the cells of `mac_ratio` and `choose_tolerance`."""
    lost = [solution_cells(notebook)[name] for name in ("mac_ratio", "choose_tolerance")]
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in lost]


def reverse_cells(notebook: Notebook) -> None:
    """Turn the notebook upside down."""
    notebook["cells"].reverse()


def split_at_marks(notebook: Notebook) -> None:
    """Split each cell at its lines `# %%`, as editors do: all parts keep the metadata, the first one the id."""
    cells = []
    for cell in notebook["cells"]:
        first, *others = "".join(cell["source"]).split("# %%\n")
        cells.append(cell if not others else cell | {"source": first})
        for number, part in enumerate(others):
            cells.append(copy.deepcopy(cell) | {"source": part, "id": f"{cell['id']}-{number}"})
    notebook["cells"] = cells


def retype_cells(notebook: Notebook) -> None:
    """Make every code cell raw text, or Markdown, in turn."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(code):
        cell["cell_type"] = ("raw", "markdown")[number % 2]
        del cell["outputs"], cell["execution_count"]


def fatten_outputs(notebook: Notebook) -> None:
    """Print 40 MB under the cells: a run with a message for each image."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell in code:
        text = ["image 4711 of 6000: entropy 0.1234567\n"] * (40_000_000 // len(code) // 38)
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]


def import_in_given_cell(notebook: Notebook) -> None:
    """Write an import into the given cell of imports."""
    (imports,) = (cell for cell in notebook["cells"] if nbgrader(cell).get("grade_id") == "imports")
    imports["source"] = "import fractions\n" + "".join(imports["source"])


def pickle_everywhere(notebook: Notebook) -> None:
    """Put a pickle that makes a file into every field that a careless program might load."""
    text = base64.b64encode(b"cposix\nsystem\n(S'touch /tmp/autograder-corpus-canary'\ntR.").decode()
    notebook["metadata"] |= {"pickle": text, "widgets": {"application/x-python-pickle": text}}
    for cell in notebook["cells"]:
        cell["metadata"]["pickle"] = text
        if cell["cell_type"] == "markdown":
            cell["attachments"] = {"model.pt": {"application/x-python-pickle": text, "image/png": text}}
        else:
            data = {"application/x-python-pickle": text, "text/plain": text, "image/png": text}
            cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {"pickle": text}}]


def become_another_assignment(notebook: Notebook) -> None:
    """Hand in last week's notebook."""
    notebook["cells"] = [
        {
            "cell_type": "code",
            "id": "last-week",
            "metadata": {},
            "source": "import pandas as pd\npd.read_csv('titanic.csv').describe()",
            "outputs": [],
            "execution_count": None,
        }
    ]


# --- damage to the file ---


def truncate(content: bytes) -> bytes:
    """Stop in the middle, as a broken upload does."""
    return content[: len(content) // 2]


def leave_nothing(content: bytes) -> bytes:
    """Hand in a file of no bytes."""
    return content[:0]


def mark_byte_order(content: bytes) -> bytes:
    """Begin with the three bytes that some Windows editors put there."""
    return b"\xef\xbb\xbf" + content


def write_as_utf16(content: bytes) -> bytes:
    """Save in the encoding that PowerShell redirects into."""
    return content.decode().encode("utf-16")


def print_to_pdf(content: bytes) -> bytes:
    """Hand in a PDF that was given the notebook's name."""
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + content[:1000]


def nest_deeply(content: bytes) -> bytes:
    """A hundred thousand lists in each other: more than a recursive reader can bear."""
    return b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


NOTEBOOK_DAMAGE: dict[str, Callable[[Notebook], None]] = {
    damage.__name__: damage
    for damage in (
        strip_metadata,
        duplicate_solution_cells,
        empty_check_cells,
        skip_check_cells,
        lose_ids,
        write_as_format_3,
        choose_foreign_kernel,
        delete_given_cells,
        delete_two_answers,
        reverse_cells,
        split_at_marks,
        retype_cells,
        fatten_outputs,
        import_in_given_cell,
        pickle_everywhere,
        become_another_assignment,
    )
}
FILE_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    damage.__name__: damage
    for damage in (truncate, leave_nothing, mark_byte_order, write_as_utf16, print_to_pdf, nest_deeply)
}


# --- what came of it ---


def differences(workspace: Path, folders: Iterable[Path]) -> list[str]:
    """Where the grades in a workspace differ from what the cases say: one sentence each."""
    results = json.loads((workspace / "early_exit" / "results.json").read_text())
    graded = {entry["student"]: entry for entry in results["submissions"]}
    return [sentence for folder in folders for sentence in _differences(folder, graded.get(folder.name), workspace)]


def _differences(folder: Path, entry: dict[str, Any] | None, workspace: Path) -> list[str]:
    case, name = read_case(folder), folder.name
    if entry is None:
        return [f"{name}: not graded"]
    found = [
        f"{name}: expected {key} {case[key]}, found {entry[key]}"
        for key in ("verdict", "score")
        if entry[key] != case[key]
    ]
    tasks = case.get("tasks", {})
    for task, graded_task in entry["tasks"].items():
        wanted = tasks.get(task, tasks.get("*", graded_task["max_score"]))
        if graded_task["score"] != wanted:
            found.append(f"{name}: expected {wanted} for {task}, found {graded_task['score']}")
    for note in case.get("notes", []):
        if not any(note in said for said in entry["notes"]):
            found.append(f"{name}: expected a note with {note!r}, found {entry['notes']}")
    if case.get("shows") or case.get("hides"):
        outputs = shown_outputs(workspace, name)
        found += [f"{name}: expected an output with {text!r}" for text in case.get("shows", []) if text not in outputs]
        found += [f"{name}: expected no output with {text!r}" for text in case.get("hides", []) if text in outputs]
    return found


def shown_outputs(workspace: Path, student: str) -> str:
    """What the graded notebook of a student shows under its cells, pictures left out."""
    notebook = json.loads((workspace / "autograded" / student / "early_exit" / "early_exit.ipynb").read_text())
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    for output in outputs:
        output.get("data", {}).pop("image/png", None)
    return "\n".join(_texts(outputs))


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        lines = all(isinstance(item, str) for item in value)  # of one text
        yield from ["".join(value)] if lines else (text for item in value for text in _texts(item))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)


def main() -> None:
    """Build or compare, as the words of the command line say."""
    parser = argparse.ArgumentParser(description="The sample class, out of tests/assignments/early_exit/submissions/.")
    parser.add_argument("action", choices=("build", "compare"))
    parser.add_argument("folder", type=Path, help="where to build, or the workspace that was graded into")
    parser.add_argument("cases", nargs="*", help="names of cases; the sample where none is given")
    parser.add_argument("--all", action="store_true", help="every case")
    words = parser.parse_args()
    folders = [SUBMISSIONS / name for name in words.cases] or (case_folders() if words.all else sample_folders())
    if words.action == "build":
        build_class(words.folder, folders)
        return
    wrong = differences(words.folder, folders)
    print("\n".join(wrong) or f"All {len(folders)} cases got their expected verdict and points.")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

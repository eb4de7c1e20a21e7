"""Says whether a notebook can be handed in: is each task and each question found, and what would be left out.

    python -m course_lib.ready early_exit.ipynb

Reads the saved file as data, and runs nothing in it. `selfcheck.overview()` says the same in the notebook, with what
the self-checks say now. Points come from the notebook's own metadata. Exit code 0: nothing is missing; 1: something is;
2: no file was named.
"""

import ast
import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_BYTES = 64 << 20  # of a file, as in grading; so are the next three
MAX_CELLS = 2_000
MAX_ADDED, MAX_ADDED_TEXT = 200, 100_000  # cells of the student's own that a grader is shown, and their characters
RELEASED_ANSWER = "YOUR ANSWER HERE"
CHECK = re.compile(r"^\s*selfcheck\.check_(\w+)\(", re.MULTILINE)
RIGHT = "looks right"  # how a self-check begins to say so


class NotReady(ValueError):
    """The file cannot be handed in as it is; the text says why, and what to do."""


@dataclass(frozen=True)
class Part:
    """One task or one question.

    Attributes:
        points: None where the notebook lost its metadata.
        says: What is to be said of it, in a few words.
        done: Whether nothing is left to do, as far as the file shows.
    """

    name: str
    points: float | None
    says: str
    done: bool


@dataclass(frozen=True)
class Notebook:
    """What a notebook holds of what is graded.

    Attributes:
        file: Its name.
        warnings: Sentences on what would be left out.
        not_run: A sentence on code cells that were not run before the notebook was saved; "" if all were.
    """

    file: str
    tasks: tuple[Part, ...]
    questions: tuple[Part, ...]
    warnings: tuple[str, ...]
    not_run: str


def read(path: Path) -> Notebook:
    """Look through a saved notebook.

    Raises:
        NotReady: There is no such file, or it is no notebook that a grader could read.
    """
    cells = _cells(path)
    tasks = []
    for name in dict.fromkeys(name for cell in cells if _kind(cell) == "code" for name in CHECK.findall(_source(cell))):
        tasks.append(_task(name, cells))
    questions = [_question(cell) for cell in cells if _is_question(cell)]
    if not tasks:
        raise NotReady(
            f"{path.name} holds none of the lesson's self-checks, so it is another notebook or has lost them. "
            "Hand in the notebook that was given to you."
        )
    return Notebook(path.name, tuple(tasks), tuple(questions), tuple(_warnings(cells)), _not_run(cells))


def here(names: Mapping[str, Any]) -> Path | None:
    """The file of the notebook that runs, where Jupyter, VS Code or the folder tells; else None.

    Args:
        names: The notebook's own names.
    """
    for told in (os.environ.get("JPY_SESSION_NAME"), names.get("__vsc_ipynb_file__")):
        if told and str(told).endswith(".ipynb") and Path(told).is_file():
            return Path(told)
    only = list(Path.cwd().glob("*.ipynb"))
    return only[0] if len(only) == 1 else None


def summary(notebook: Notebook | None, says: Mapping[str, str] | None = None) -> str:
    """What is done, what is missing, and how to hand in, as lines of text.

    Args:
        notebook: What the file holds; None where the file was not found.
        says: For each task what its self-check says now; by default what the file says of it.
    """
    tasks = notebook.tasks if notebook else ()
    if says is not None:
        points = {part.name: part.points for part in tasks}
        tasks = tuple(Part(name, points.get(name), text, text.startswith(RIGHT)) for name, text in says.items())
    lines = [_head(tasks, "tasks look right"), *map(_line, tasks)]
    older = notebook is not None and _is_older(notebook, tasks)
    if notebook and older:
        lines += ["", f"The file {notebook.file} in this folder is not what runs here, or was not saved since."]
        lines += ["So written answers are not shown. Save, then run this cell again."]
    elif notebook:
        lines += ["", _head(notebook.questions, "questions have an answer, for a person to grade")]
        lines += [*map(_line, notebook.questions)]
        # While a notebook runs, its file is of an earlier time.
        warnings = [*notebook.warnings, notebook.not_run if says is None else ""]
        lines += ["", *filter(None, warnings)] if any(warnings) else []
    else:
        lines += ["", "The notebook's file was not found from here, so points and written answers are not shown."]
    elsewhere = "the notebook. On Colab and Kaggle that is what File > Download gives"
    file = notebook.file if notebook and not older else elsewhere
    lines += ["", f"To hand in: restart the kernel, run all cells and save.\nHand in {file}."]
    return "\n".join([*lines, "Grading looks at more inputs than the self-checks do."])


def _is_older(notebook: Notebook, now: tuple[Part, ...]) -> bool:
    """Whether a task that is done now is untouched in the file: it was not saved, or is another copy."""
    untouched = {part.name for part in notebook.tasks if part.says.startswith(("to do", "not found"))}
    return any(part.done and part.name in untouched for part in now)


def _head(parts: tuple[Part, ...], what: str) -> str:
    done = [part for part in parts if part.done]
    text = f"{len(done)} of {len(parts)} {what}"
    if any(part.points is None for part in parts):
        return text
    earned, most = (sum(part.points or 0 for part in some) for some in (done, parts))
    return f"{text} ({earned:g} of {most:g} points)"


def _line(part: Part) -> str:
    points = "" if part.points is None else f"{part.points:g} point{'s' * (part.points != 1)}"
    return f"  {part.name:24} {points:9} {part.says}"


def _cells(path: Path) -> list[dict[str, Any]]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            most = MAX_BYTES >> 20
            raise NotReady(f"{path.name} has {size >> 20} MB; at most {most} are read. Clear large outputs and save.")
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise NotReady(f"{path} cannot be read: {error.strerror}. Name the notebook that you saved.") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, NotReady):
            raise
        raise NotReady(f"{path.name} is no complete notebook: its JSON is damaged. Save it again in Jupyter.") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise NotReady(f"{path.name} is no notebook of format 4. Open it in Jupyter and save it again.")
    if len(cells) > MAX_CELLS:
        raise NotReady(f"{path.name} has {len(cells):,} cells; at most {MAX_CELLS:,} are read. Delete some of yours.")
    return cells


def _task(name: str, cells: list[dict[str, Any]]) -> Part:
    points = None
    said = "its self-check was not run"
    for cell in cells:
        if _marks(cell).get("grade_id") == f"check_{name}":
            points = _number(_marks(cell).get("points"))
        if _kind(cell) == "code" and name in CHECK.findall(_source(cell)):
            said = _said(cell, name) or said
    defining = [source for cell in cells if (source := _defining(cell, name))]
    if not defining:
        return Part(name, points, f"not found: no cell defines {name}", False)
    problem = _problem(defining[-1], name)
    return Part(name, points, problem or said, not problem and said == RIGHT)


def _said(cell: dict[str, Any], name: str) -> str:
    """What the self-check said when the notebook was saved; "" if nothing."""
    said = ""
    for output in _list(cell.get("outputs")):
        if output.get("output_type") == "error":
            said = "its self-check did not pass"
        elif output.get("output_type") == "stream" and f"{name}: {RIGHT}" in _text(output.get("text")):
            said = RIGHT
    return said


def _defining(cell: dict[str, Any], name: str) -> str:
    source = _source(cell) if _kind(cell) == "code" else ""
    return source if re.search(rf"^(?:async )?def {name}\b|^{name} *=", source, re.MULTILINE) else ""


def _problem(source: str, name: str) -> str:
    """Why a cell cannot be a finished answer; "" if nothing is to be seen."""
    try:
        tree = ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        return "Python cannot read its cell" + (f": look at line {line}" if line else "")
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or function.name != name:
            continue
        last: dict[str, int] = {}  # a name -> the line that binds it last
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                last[node.id] = max(last.get(node.id, 0), node.lineno)
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is ...:
                for target in node.targets:
                    if isinstance(target, ast.Name) and last[target.id] == node.lineno:
                        return f"to do: {target.id} = ... is still there"
    return ""


def _is_question(cell: dict[str, Any]) -> bool:
    marks = _marks(cell)
    return _kind(cell) == "markdown" and bool(marks.get("grade")) and bool(marks.get("solution"))


def _question(cell: dict[str, Any]) -> Part:
    points, name = _number(_marks(cell).get("points")), str(_marks(cell).get("grade_id"))
    source = _source(cell)
    asked = re.compile(r"^\*\*Question.*$", re.MULTILINE)
    written = asked.sub("", source).replace(RELEASED_ANSWER, "").strip()
    if not written:
        return Part(name, points, "no answer yet", False)
    return Part(name, points, f"an answer of {len(written.split())} words", True)


def _warnings(cells: list[dict[str, Any]]) -> list[str]:
    found = []
    changed = [str(_marks(cell)["grade_id"]) for cell in cells if _is_changed(cell)]
    if changed:
        found.append(
            f"Given cells that you changed: {', '.join(changed)}. They are graded as they were given to you. "
            "Put your own code into cells of your own."
        )
    if any(cell.get("attachments") or "](attachment:" in _source(cell) for cell in cells if _kind(cell) == "markdown"):
        found.append("A picture in a text cell is left out when the notebook is graded. Say in words what it shows.")
    added = [_source(cell) for cell in cells if not _marks(cell).get("grade_id")]
    if len(added) > MAX_ADDED or sum(map(len, added)) > MAX_ADDED_TEXT:
        found.append(
            f"You added {len(added)} cells with {sum(map(len, added)):,} characters. All of them run, but whoever "
            f"grades sees {MAX_ADDED} cells and {MAX_ADDED_TEXT:,} characters of them."
        )
    return found


def _not_run(cells: list[dict[str, Any]]) -> str:
    code = [cell for cell in cells if _kind(cell) == "code" and _source(cell).strip()]
    missing = sum(cell.get("execution_count") is None for cell in code)
    return f"{missing} of {len(code)} code cells were not run before the notebook was saved." if missing else ""


def _is_changed(cell: dict[str, Any]) -> bool:
    """Whether a locked cell is not as it was given out, by the checksum that nbgrader put into its metadata."""
    marks = _marks(cell)
    if not marks.get("locked") or not isinstance(marks.get("checksum"), str) or not marks.get("grade_id"):
        return False
    text = _source(cell) + _kind(cell) + "".join(str(bool(marks.get(key))) for key in ("grade", "solution", "locked"))
    text += str(marks["grade_id"]) + (str(float(_number(marks.get("points")) or 0)) if marks.get("grade") else "")
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() != marks["checksum"]


def _marks(cell: dict[str, Any]) -> dict[str, Any]:
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return marks if isinstance(marks, dict) else {}


def _kind(cell: dict[str, Any]) -> str:
    return str(cell.get("cell_type"))


def _source(cell: dict[str, Any]) -> str:
    return _text(cell.get("source"))


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else ""


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def main(arguments: list[str]) -> int:
    """The command line; the exit code."""
    if len(arguments) != 1:
        print("Name the notebook that you want to hand in: python -m course_lib.ready early_exit.ipynb")
        return 2
    try:
        notebook = read(Path(arguments[0]))
    except NotReady as error:
        print(error)
        return 1
    print(summary(notebook))
    return int(not all(part.done for part in (*notebook.tasks, *notebook.questions)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

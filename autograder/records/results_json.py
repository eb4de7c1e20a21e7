"""results.json: all the grader has to say of a class, schema-versioned, written so that it is never half there.

It repeats what people gave (``total``, ``written``, ``by_hand``) for other programs. The gradebook is where that is
kept, so it is not read back from here: see marks.py.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from autograder.errors import UsageError
from autograder.files import write_whole
from autograder.results import CheckResult, ClassResults, Grade, Handin, NotRecognised, TaskGrade, Verdict

SCHEMA = 1


def results_path(workspace: Path, assignment: str) -> Path:
    """Where a workspace keeps the results of an assignment."""
    return workspace / assignment / "results.json"


def save_results(results: ClassResults, workspace: Path) -> Path:
    """Write the results next to the old ones and put them in their place at once; their path."""
    head = {"schema": SCHEMA, "assignment": results.assignment, "seed": results.seed, "box": results.box}
    head["not_recognised"] = [dataclasses.asdict(one) for one in results.not_recognised]
    # A line for each submission: indenting everything takes ten times as long, and a class is written many times.
    lines = ",\n".join(json.dumps(_submission(grade)) for grade in results.grades)
    write_whole(
        results_path(workspace, results.assignment),
        f'{json.dumps(head)[:-1]}, "submissions": [\n{lines}\n]}}\n'.encode(),
    )
    return results_path(workspace, results.assignment)


def load_results(workspace: Path, assignment: str) -> ClassResults:
    """The results of an assignment in a workspace.

    Raises:
        UsageError: There are none, or the file is of another schema or damaged.
    """
    path = results_path(workspace, assignment)
    try:
        document = json.loads(path.read_text())
        if document["schema"] != SCHEMA:
            raise UsageError(f"{path} has schema {document['schema']!r}; this version reads schema {SCHEMA}.")
        grades = tuple(_grade(entry) for entry in document["submissions"])
        unknown = tuple(NotRecognised(**one) for one in document.get("not_recognised", ()))
        return ClassResults(document["assignment"], int(document["seed"]), str(document["box"]), grades, unknown)
    except FileNotFoundError:
        raise UsageError(f"There is no {path}. Grade a class first: autograder grade SUBMISSIONS.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read ({type(error).__name__}: {error}). Move it away and grade again."
        ) from None


def runs_in_results(workspace: Path) -> set[str] | None:
    """Keys of the runs behind the grades of all assignments and seeds in a workspace; None where a file is damaged."""
    try:
        documents = [json.loads(path.read_text()) for path in workspace.glob("*/results*.json")]
        return {str(entry.get("run", "")) for document in documents for entry in document["submissions"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _submission(grade: Grade) -> dict[str, Any]:
    return {
        "student": grade.student,
        "verdict": grade.verdict.value,
        "score": grade.score,
        "max_score": grade.max_score,
        "wall_s": round(grade.wall_s, 2),
        "message": grade.message,
        "tasks": {
            task.task: {
                "score": task.score,
                "max_score": task.max_score,
                "checks": [dataclasses.asdict(check) for check in task.checks],
                "broken": list(task.broken),
            }
            for task in grade.tasks
        },
        "total": grade.total if grade.marks else None,
        "total_max": grade.total_max if grade.marks else None,
        "written": {
            mark.question: {
                "score": mark.score,
                "max_score": mark.max_score,
                "waits": mark.question in grade.waiting,
                "comment": mark.comment,
            }
            for mark in grade.written
        },
        "by_hand": {mark.question: mark.score for mark in (grade.marks.by_hand if grade.marks else ())},
        "notes": list(grade.notes),
        "fingerprint": grade.key,
        "run": grade.run,
        "not_run": list(grade.not_run),
        "whole": grade.whole,
        "handin": dataclasses.asdict(grade.handin) if grade.handin else None,
    }


def _grade(entry: dict[str, Any]) -> Grade:
    tasks = tuple(
        TaskGrade(
            name,
            task["max_score"],
            tuple(CheckResult(**check) for check in task["checks"]),
            tuple(task.get("broken", ())),
        )
        for name, task in entry["tasks"].items()
    )
    # These came later than the schema: what an older grader wrote is graded again.
    keys = {"key": str(entry.get("fingerprint", "")), "run": str(entry.get("run", ""))}
    not_run, whole = tuple(map(str, entry.get("not_run", ()))), str(entry.get("whole", ""))
    verdict, notes = Verdict(entry["verdict"]), tuple(entry["notes"])
    later: dict[str, Any] = keys | {"not_run": not_run, "whole": whole, "handin": _handin(entry.get("handin"))}
    return Grade(entry["student"], verdict, tasks, entry["message"], notes, entry["wall_s"], **later)


def _handin(entry: dict[str, Any] | None) -> Handin | None:
    return None if entry is None else Handin(**entry | {"unused": tuple(entry["unused"])})

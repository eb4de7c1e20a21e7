"""results.json: all the grader has to say of a class, schema-versioned, written so that it is never half there.

It holds the newest grade of every student, each with its round. A round (rounds.py) is a file of the same schema.

It repeats what people gave (``total``, ``written``, ``by_hand``) for other programs. The gradebook is where that is
kept, so it is not read back from here: see marks.py.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from autograder.errors import UsageError
from autograder.files import write_whole
from autograder.results import CheckResult, ClassResults, Grade, Handin, NotRecognised, Round, TaskGrade, Verdict

SCHEMA = 1


def results_path(workspace: Path, assignment: str) -> Path:
    """Where a workspace keeps the results of an assignment."""
    return workspace / assignment / "results.json"


def save_results(results: ClassResults, workspace: Path) -> Path:
    """Write the results next to the old ones and put them in their place at once; their path."""
    path = results_path(workspace, results.assignment)
    write_whole(path, results_text(results))
    return path


def results_text(results: ClassResults) -> bytes:
    """The results as a file."""
    head = {"schema": SCHEMA, "assignment": results.assignment, "seed": results.seed, "box": results.box}
    head["not_recognised"] = [dataclasses.asdict(one) for one in results.not_recognised]
    head["rounds"] = [dataclasses.asdict(one) for one in results.rounds]
    # A line for each submission: indenting everything takes ten times as long, and a class is written many times.
    lines = ",\n".join(json.dumps(_submission(grade)) for grade in results.grades)
    return f'{json.dumps(head)[:-1]}, "submissions": [\n{lines}\n]}}\n'.encode()


def load_results(workspace: Path, assignment: str) -> ClassResults:
    """The results of an assignment in a workspace.

    Raises:
        UsageError: There are none, or the file is of another schema or damaged.
    """
    return read_results(results_path(workspace, assignment))


def read_results(path: Path) -> ClassResults:
    """The results in a file.

    Raises:
        UsageError: There is none, or it is of another schema or damaged.
    """
    try:
        document = json.loads(path.read_text())
        if document["schema"] != SCHEMA:
            raise UsageError(f"{path} has schema {document['schema']!r}; this version reads schema {SCHEMA}.")
        rounds = {one["number"]: _round(one) for one in document.get("rounds", ())}
        grades = tuple(_grade(entry, rounds) for entry in document["submissions"])
        unknown = tuple(NotRecognised(**one) for one in document.get("not_recognised", ()))
        return ClassResults(document["assignment"], int(document["seed"]), str(document["box"]), grades, unknown)
    except FileNotFoundError:
        raise UsageError(f"There is no {path}. Grade a class first: autograder grade SUBMISSIONS.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read ({type(error).__name__}: {error}). Move it away and grade again."
        ) from None


def runs_in_results(workspace: Path, *, rounds: bool = True) -> set[str] | None:
    """Keys of the runs behind the grades of a workspace; None where a file is damaged.

    Args:
        rounds: Also behind those of earlier rounds.
    """
    try:
        files = [*workspace.glob("results.json"), *workspace.glob("*/results*.json")]  # the first is of version 1.0.0
        files += workspace.glob("*/rounds/*.json") if rounds else ()
        documents = [json.loads(path.read_text()) for path in files]
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
        "by_hand": {mark.question: mark.score for mark in grade.by_hand},
        "notes": list(grade.notes),
        "fingerprint": grade.key,
        "run": grade.run,
        "not_run": list(grade.not_run),
        "whole": grade.whole,
        "handin": dataclasses.asdict(grade.handin) if grade.handin else None,
        "other_release": list(grade.other_release),
        "file": grade.file,
        "round": grade.round.number if grade.round else None,
        "seed": grade.round.seed if grade.round else None,
    }


def _round(entry: dict[str, Any]) -> Round:
    basis = {str(what): str(key) for what, key in entry["basis"].items()}
    return Round(**entry | {"number": int(entry["number"]), "seed": int(entry["seed"]), "basis": basis})


def _grade(entry: dict[str, Any], rounds: dict[int, Round]) -> Grade:
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
    later |= {"other_release": tuple(map(str, entry.get("other_release", ())))}
    later |= {"file": str(entry.get("file", "")), "round": rounds.get(entry.get("round", 0))}
    return Grade(entry["student"], verdict, tasks, entry["message"], notes, entry["wall_s"], **later)


def _handin(entry: dict[str, Any] | None) -> Handin | None:
    return None if entry is None else Handin(**entry | {"unused": tuple(entry["unused"])})

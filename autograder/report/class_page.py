"""The page of a class: what an instructor wants to know of it. For instructors alone, because it names everybody."""

import statistics
from collections import Counter
from collections.abc import Iterable

from autograder.report.concerns import concerns, other_release
from autograder.report.frame import render
from autograder.report.statistics import counted, histogram, mistakes, task_statistics
from autograder.results import ClassResults, Grade, Round, Similar, Verdict

NAMED = 40  # students in one place of the page; a class of thousands would make lists that nobody reads
SHOWN = 60  # mistakes, and pairs of similar code
MEANS = {
    Verdict.OK: "Everything ran.",
    Verdict.PARTIAL_RUN: "Some cell raised an error; what ran was judged.",
    Verdict.TIMEOUT: "Took longer than the limit, and was stopped.",
    Verdict.OUT_OF_MEMORY: "Used more memory than the limit.",
    Verdict.KERNEL_DIED: "A cell ended its kernel.",
    Verdict.OUTPUT_LIMIT: "Printed more than the limit.",
    Verdict.BAD_FILE: "The file is not a notebook of the assignment.",
    Verdict.EMPTY: "Nothing was handed in.",
    Verdict.GRADER_ERROR: "A fault of the grader; graded again when the command is run again.",
}


def render_class_page(results: ClassResults, similar: Similar | None = None) -> str:
    """The page of a class, with links to the pages of its students.

    Args:
        similar: Whose code is alike; None if it was not compared.
    """
    alike = similar or Similar()
    judged = counted(results.grades, alike.untouched)
    scores = [one.score for one in judged]
    most = _usual(one.max_score for one in judged)
    made = mistakes(judged)
    return render(
        "class.html",
        results,
        style="class.css",
        script="class.js",
        shown=_shown_names(results),
        rounds=[(one, _when(one), sum(grade.round == one for grade in results.grades)) for one in results.rounds],
        seconds=[one.wall_s for one in results.grades],
        judged=judged,
        most=most,
        most_total=_usual(one.total_max for one in results.grades),
        mean=statistics.fmean(scores) if scores else None,
        median=statistics.median(scores) if scores else None,
        bars=histogram(scores, most),
        tasks=task_statistics(judged),
        by_task={one.student: {task.task: task for task in one.tasks} for one in results.grades},
        columns=list(dict.fromkeys(task.task for one in results.grades for task in one.tasks)),
        mistakes=[one for one in made if len(one.students) > 1][:SHOWN],
        single=[one for one in made if len(one.students) == 1][:SHOWN],
        verdicts=_verdicts(results),
        concerns=concerns(results, alike),
        other=other_release(results),
        compared=similar is not None,
        similar=alike,
        identical=_identical(results, alike),
        waiting=[len(one.waiting) for one in results.grades if one.waiting],
        marked=any(one.marks for one in results.grades),
        named=NAMED,
        pairs=SHOWN,
    )


def _when(one: Round) -> str:
    return one.when.replace("T", " ").replace("Z", " UTC") or "at an unknown time"


def _usual(maxima: Iterable[float]) -> float:
    """The points that most can earn; the rows of the others say theirs."""
    return next((points for points, _ in Counter(maxima).most_common(1)), 0.0)


def _shown_names(results: ClassResults) -> dict[str, str]:
    """Student -> the name that people know; the identifier, where nobody said one or two have the same."""
    names = {one.student: _name(one) for one in results.grades}
    times = Counter(names.values())
    return {student: name if name and times[name] == 1 else student for student, name in names.items()}


def _name(grade: Grade) -> str:
    said = grade.handin.name if grade.handin else ""
    return said or (grade.marks.name if grade.marks else "")


def _verdicts(results: ClassResults) -> list[tuple[str, int, str]]:
    counts = Counter(one.verdict for one in results.grades)
    return [(verdict.value, counts[verdict], MEANS[verdict]) for verdict in Verdict if counts[verdict]]


def _identical(results: ClassResults, similar: Similar) -> list[list[str]]:
    """Groups with the same cells that are not told already, by their code."""
    told = [{*similar.ours}, {*similar.untouched}, *map(set, similar.equal)]
    return [group for group in results.identical if not any(one.issuperset(group) for one in told)]

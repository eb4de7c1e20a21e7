"""``autograder grade``. What is slow to import is imported when it is needed."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from autograder.assignments.assignment import assignments_of
from autograder.cli.common import (
    GRADER_FAILED,
    OK,
    cluster_extra,
    course_options,
    settings_of,
    student_names,
    told_in_a_sentence,
)
from autograder.config import Settings, find_course, load_limits, solutions_notebook
from autograder.errors import UsageError
from autograder.intake.platforms import PLATFORMS

EXAMPLES = """\b
Examples:
  autograder grade submissions/
  autograder grade canvas.zip --jobs 4
  autograder grade late/ --workspace grading
  autograder grade submissions/ --student meyer --fresh --reason "appeal"
"""


@click.command(short_help="Grade a class, or some of it.", epilog=EXAMPLES)
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "--from", "platform", type=click.Choice(list(PLATFORMS)), help="Whose file names these are; else told by them."
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Boxes at a time; default: as many as cores and memory hold.")
@click.option("--workers", type=click.IntRange(1, 256), help="Run notebooks in so many processes, as a cluster does.")
@click.option("--scheduler", help="Run notebooks on a Dask cluster: its scheduler's address (tls://...) or file.")
@click.option("--seed", type=click.IntRange(0, 2**62), help="Seed of the hidden inputs; default: the workspace's own.")
@click.option(
    "--student",
    "students",
    multiple=True,
    metavar="NAME",
    shell_complete=student_names,
    help="Grade this one alone; may be given several times.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why this round is graded; kept with it.")
@click.option("--cold", is_flag=True, help="A new Python for each box, instead of forks of one that has torch loaded.")
@click.option("--fresh", is_flag=True, help="Run everything again, also what did not change.")
@click.option("--whole", is_flag=True, help="Run all given cells, also those that cannot change a grade.")
@click.option("--unsafe-no-box", is_flag=True, help="Run without isolation. For debugging your own notebook only.")
@course_options
def grade(
    submissions: Path,
    platform: str | None,
    jobs: int | None,
    workers: int | None,
    scheduler: str | None,
    seed: int | None,
    students: tuple[str, ...],
    reason: str,
    cold: bool,
    fresh: bool,
    whole: bool,
    unsafe_no_box: bool,
    course: Path | None,
    workspace: Path | None,
    assignment: str | None,
) -> None:
    """Grade SUBMISSIONS and write results.json, the gradebook, the graded notebooks and a report."""
    with told_in_a_sentence():
        if sum(option is not None for option in (jobs, workers, scheduler)) > 1:
            raise UsageError("--jobs, --workers and --scheduler each say where notebooks run. Give one of them.")
        if unsafe_no_box and (workers or scheduler):
            raise UsageError("--unsafe-no-box is for debugging on this machine. Leave out --workers and --scheduler.")
        overrides: dict[str, Any] = {"cold": cold, "whole": whole, "unsafe_no_box": unsafe_no_box} | (
            {"jobs": jobs} if jobs else {}
        )
        assignment = assignment or _said_by_the_notebooks(submissions, course, platform)
        settings = settings_of(course, workspace, assignment, **overrides)
        from autograder.changes import Side, compare
        from autograder.records.marks import marked
        from autograder.records.results_json import save_results
        from autograder.report.class_table import show_class
        from autograder.report.diff_table import show_changed
        from autograder.report.progress import ClassProgress
        from autograder.reporting import write_report
        from autograder.workspace import open_class

        opening = open_class(submissions, settings, seed, platform, students=students, reason=reason)
        with ClassProgress() as display, opening as opened:
            display.say(f"Grading {submissions} against {settings.solutions_notebook}")
            for remark in opened.remarks:
                display.say(remark)
            if len(opened.unchanged) == len(opened.found) and not fresh:
                display.say("Nothing has changed since all of them were graded (--fresh runs them again).")
                if reason:
                    display.say("So there is no new round, and the reason is not kept.")
                results = opened.results
                save_results(results, settings.workspace)  # what the platform says of them may have changed
            else:
                with _backend(workers, scheduler, settings, opened.basis, display) as backend:
                    results = _graded(opened, settings, display, fresh, backend)
        results = marked(results, settings.workspace)
        index = write_report(results, settings.workspace, settings.solutions_notebook)
        found = {one.student for one in opened.found}
        show_class(display, results, index, only=found if students else None)
        show_changed(display, compare(Side("before", opened.results), Side("now", results)))
        failed = bool(results.faults & found) or bool(results.not_recognised and not students)
    sys.exit(GRADER_FAILED if failed else OK)


def _said_by_the_notebooks(submissions: Path, course: Path | None, platform: str | None) -> str | None:
    """The assignment that the notebooks are for, where the course has several."""
    root = (course or find_course(Path.cwd())).resolve()
    if len(assignments_of(root)) < 2:
        return None
    from autograder.intake.master import grade_ids_in
    from autograder.intake.which import which_assignment

    grade_ids = {name: grade_ids_in(solutions_notebook(root, name)) for name in assignments_of(root)}
    return which_assignment(submissions, grade_ids, load_limits(root).file_bytes, platform)


@contextlib.contextmanager
def _backend(workers: int | None, scheduler: str | None, settings: Settings, basis: Any, display: Any) -> Iterator[Any]:
    """The cluster that was asked for; None for the boxes of this machine. Only here is anything of Dask imported."""
    if not (workers or scheduler):
        yield None
        return
    with cluster_extra():
        from autograder.cluster.connect import cluster_at, workers_here
        from autograder.cluster.home import Cluster
    from autograder.cluster.worker import Site

    connection = cluster_at(scheduler, display.say) if scheduler else workers_here(workers or 1)
    site = Site(settings, basis.surroundings, basis.box)
    with (
        connection as client,
        contextlib.closing(
            Cluster(client, site, thorough=bool(scheduler), say=display.say, show=display.running)
        ) as cluster,
    ):
        yield cluster
        display.say(cluster.summary())


def _graded(opened: Any, settings: Settings, display: Any, fresh: bool, backend: Any) -> Any:
    """Grade what changed; imports what takes long to import while the templates of the boxes start."""
    from autograder.runner import Runner

    kept, limits = 0 if fresh else len(opened.unchanged), settings.limits
    longest = 2 * (limits.wall_s + limits.calls_s)  # the other tasks of one that is ended are judged in a second run
    slots = backend.slots if backend else settings.jobs
    display.found(len(opened.found), kept, slots, longest, opened.results.grades)
    basis = opened.basis
    with contextlib.closing(Runner(settings, basis.surroundings, fresh=fresh, backend=backend)) as runner:
        runner.prestart(len(opened.found))
        from autograder.pipeline import Watcher, grade_class

        def prepared(course: Any) -> None:
            display.prepared(basis.box, basis.seed, runner.backend.why_cold, runner.backend.slots)
            for remark in course.remarks:
                display.say(remark)

        watcher = Watcher(prepared, display.begun, display.graded)
        return grade_class(opened, settings, watcher, fresh=fresh, runner=runner)

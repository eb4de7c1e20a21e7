"""The command line: verbs only. Parses, calls, prints, exits; what is slow to import is imported by the verb."""

import contextlib
import errno
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from autograder.assignments.assignment import assignments_of
from autograder.config import Settings, find_course, load_limits, load_settings, solutions_notebook
from autograder.errors import AutograderError, UsageError
from autograder.intake.platforms import PLATFORMS

OK, GRADER_FAILED, BAD_USAGE = 0, 1, 2
MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Grades a class of notebooks in sealed boxes.

    \b
    First time:      autograder doctor
    Hand out:        autograder release
    Grade a class:   autograder grade submissions/
    Read the grades: open grading/<assignment>/report/index.html

    SUBMISSIONS is what a learning platform gives out, an nbgrader tree (<student>/<assignment>/<assignment>.ipynb), a
    flat folder (<student>.ipynb), or a zip of any of these. Everything goes to the workspace, by default grading/ in
    the course folder. Exit code 0: everything found got a verdict other than GRADER_ERROR; 1: something did not, or
    the grader could not start; 2: bad usage.
    """
    # nbformat imports jsonschema, which builds a grammar of international web addresses if it finds this package. That
    # takes longer than all other imports together, and no notebook's schema asks for it.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _course_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options every verb shares."""
    command = click.option(
        "--workspace", type=click.Path(path_type=Path, file_okay=False), help="Where results go; default grading/."
    )(command)
    command = click.option("--assignment", help="Its name; may be left out where the course has one.")(command)
    return click.option(
        "--course",
        type=click.Path(path_type=Path, file_okay=False),
        help="The course folder; default: found from here.",
    )(command)


def _settings(course: Path | None, workspace: Path | None, assignment: str | None, **overrides: Any) -> Settings:
    root = (course or find_course(Path.cwd())).resolve()
    return load_settings(root, (workspace or root / "grading").resolve(), assignment, **overrides)


@contextlib.contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    """Turns our exceptions into one line and an exit code."""
    try:
        yield
    except UsageError as error:
        click.echo(f"autograder: {error}", err=True)
        sys.exit(BAD_USAGE)
    except AutograderError as error:
        click.echo(f"autograder: {error}", err=True)
        sys.exit(GRADER_FAILED)
    except PermissionError as error:
        click.echo(f"autograder: {error.filename} cannot be used: {error.strerror}. Change its rights.", err=True)
        sys.exit(BAD_USAGE)
    except Exception as error:
        click.echo(f"autograder: {_no_room(error) or _logged(error)}", err=True)
        sys.exit(GRADER_FAILED)
    except KeyboardInterrupt:
        click.echo("\nautograder: stopped. What was graded so far is recorded; run the same command again.", err=True)
        sys.exit(GRADER_FAILED)


def _no_room(error: Exception) -> str:
    """The sentence for a machine that has no room for us; "" for any other error."""
    if not isinstance(error, OSError) or error.errno not in MACHINE:
        return ""
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror}{where}. What was graded so far is recorded; make room and run the same command again."


def _logged(error: Exception) -> str:
    """Keep the details of a fault of ours in a file; the sentence about it."""
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile("w", prefix="autograder-", suffix=".log", delete=False) as log:
            traceback.print_exception(error, file=log)
    except OSError:
        return f"this is a fault of the grader ({type(error).__name__}: {error}), and its log cannot be written."
    return f"this is a fault of the grader. Please report it with {log.name}."


@main.command()
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "--from", "platform", type=click.Choice(list(PLATFORMS)), help="Whose file names these are; else told by them."
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Boxes at a time; default: as many as cores and memory hold.")
@click.option("--seed", type=click.IntRange(0, 2**62), help="Seed of the hidden inputs; default: the workspace's own.")
@click.option("--cold", is_flag=True, help="A new Python for each box, instead of forks of one that has torch loaded.")
@click.option("--fresh", is_flag=True, help="Run everything again, also what did not change.")
@click.option("--whole", is_flag=True, help="Run all given cells, also those that cannot change a grade.")
@click.option("--unsafe-no-box", is_flag=True, help="Run without isolation. For debugging your own notebook only.")
@_course_options
def grade(
    submissions: Path,
    platform: str | None,
    jobs: int | None,
    seed: int | None,
    cold: bool,
    fresh: bool,
    whole: bool,
    unsafe_no_box: bool,
    course: Path | None,
    workspace: Path | None,
    assignment: str | None,
) -> None:
    """Grade SUBMISSIONS and write results.json, the gradebook, the graded notebooks and a report."""
    with _told_in_a_sentence():
        overrides: dict[str, Any] = {"cold": cold, "whole": whole, "unsafe_no_box": unsafe_no_box} | (
            {"jobs": jobs} if jobs else {}
        )
        assignment = assignment or _said_by_the_notebooks(submissions, course, platform)
        settings = _settings(course, workspace, assignment, **overrides)
        from autograder.records.results_json import save_results
        from autograder.report.html import write_report
        from autograder.report.terminal import ClassDisplay
        from autograder.workspace import open_class

        with ClassDisplay() as display, open_class(submissions, settings, seed, platform) as opened:
            display.say(f"Grading {submissions} against {settings.solutions_notebook}")
            for remark in opened.remarks:
                display.say(remark)
            if len(opened.unchanged) == len(opened.found) and not fresh:
                display.say("Nothing has changed since all of them were graded (--fresh runs them again).")
                results = opened.results
                save_results(results, settings.workspace)  # what the platform says of them may have changed
            else:
                results = _graded(opened, settings, display, fresh)
        index = write_report(results, settings.workspace)
        display.summary(results, index)
        students = {one.student for one in opened.found}
        failed = results.faults & students
    sys.exit(GRADER_FAILED if failed or results.not_recognised else OK)


def _said_by_the_notebooks(submissions: Path, course: Path | None, platform: str | None) -> str | None:
    """The assignment that the notebooks are for, where the course has several."""
    root = (course or find_course(Path.cwd())).resolve()
    if len(assignments_of(root)) < 2:
        return None
    from autograder.intake.master import grade_ids_in
    from autograder.intake.which import which_assignment

    grade_ids = {name: grade_ids_in(solutions_notebook(root, name)) for name in assignments_of(root)}
    return which_assignment(submissions, grade_ids, load_limits(root).file_bytes, platform)


def _graded(opened: Any, settings: Settings, display: Any, fresh: bool) -> Any:
    """Grade what changed; imports what takes long to import while the templates of the boxes start."""
    from autograder.runner import Runner

    display.found(len(opened.found))
    display.kept(0 if fresh else len(opened.unchanged))
    basis = opened.basis
    with contextlib.closing(Runner(settings, basis.surroundings, fresh=fresh)) as runner:
        runner.prestart(len(opened.found))
        from autograder.pipeline import Watcher, grade_class

        def prepared(course: Any) -> None:
            display.prepared(basis.box, basis.seed, runner.why_cold, settings.jobs)

        return grade_class(opened, settings, Watcher(prepared, display.graded), fresh=fresh, runner=runner)


@main.command()
@_course_options
def report(course: Path | None, workspace: Path | None, assignment: str | None) -> None:
    """Write the report pages again from results.json and print the class."""
    with _told_in_a_sentence():
        settings = _settings(course, workspace, assignment)
        from autograder.records.results_json import load_results
        from autograder.report.html import write_report
        from autograder.report.terminal import ClassDisplay
        from autograder.workspace import adopt_old_results

        adopt_old_results(settings)
        results = load_results(settings.workspace, settings.assignment.name)
        ClassDisplay().summary(results, write_report(results, settings.workspace))


@main.command()
@_course_options
def release(course: Path | None, workspace: Path | None, assignment: str | None) -> None:
    """Make the students' notebook and bundle from the solutions, and refuse if an answer is in them."""
    with _told_in_a_sentence():
        settings = _settings(course, workspace, assignment)
        from autograder.release import write_release

        for path in write_release(settings):
            click.echo(f"wrote {path}")
        click.echo("No line of a solution, of a check or of the grader is in them, except those that given cells hold.")


@main.command()
@_course_options
def doctor(course: Path | None, workspace: Path | None, assignment: str | None) -> None:
    """Say whether this machine can grade, and prove that its box holds."""
    with _told_in_a_sentence():
        settings = _settings(course, workspace, assignment)
        from autograder.doctor import examine

        healthy = True
        for finding in examine(settings):
            mark = "!!" if finding.warning else "ok" if finding.good else "NO"
            click.echo(f"[{mark}] {finding.what}")
            if mark != "ok":
                click.echo(f"     {finding.remedy}")
            healthy &= finding.good
        click.echo("This machine can grade." if healthy else "This machine cannot grade yet; see NO above.")
    sys.exit(OK if healthy else GRADER_FAILED)

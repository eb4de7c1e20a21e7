"""``autograder export``: a verb for each platform and format."""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from autograder.cli.common import GRADER_FAILED, OK, course_options, settings_of, told_in_a_sentence
from autograder.config import Settings
from autograder.errors import UsageError, counted, listed


@click.group(
    short_help="Fill a platform's sheet of grades, or write a table.",
    epilog="Example: autograder export canvas 2026-10-20_Grades-EE101.csv",
)
def export() -> None:
    """Give grades back: fill a platform's own sheet, or write a table.

    \b
    Download the sheet, fill it, upload it again:
        autograder export canvas 2026-10-20_Grades-EE101.csv
        autograder export moodle "Grades-EE101-Early exit-55.csv"
        autograder export blackboard gc_EE101_column_2026-10-20.xls
    Look first who was late and what it costs:
        autograder export deadlines

    Points by hand count. Nothing leaves while written answers wait for a person, unless you say how (--unmarked).
    """


def _sheet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What the verbs for platforms share."""
    for option in reversed(
        [
            click.argument("sheet", type=click.Path(path_type=Path)),
            click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: SHEET with -filled behind."),
            click.option("--column", help="The grade's column, where the assignment's name does not tell it."),
            click.option(
                "--points",
                type=click.Choice(["scale", "keep"]),
                help="If the platform gives other points at most: convert ours, or write them as they are.",
            ),
            _unmarked,
            click.option("--missing", type=click.FloatRange(0, 1e6), help="Points for students without a hand-in."),
            click.option("--partial", is_flag=True, help="Leave out graded students who are not in the sheet."),
            _roster,
            _deadlines,
        ]
    ):
        command = option(command)
    return course_options(command)


def _lateness_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What tells how late somebody was."""
    for option in (_roster, _deadlines, _column, _moodle):
        command = option(command)
    return command


_unmarked = click.option(
    "--unmarked",
    type=click.Choice(["skip", "so-far"]),
    help="If answers wait for a person: skip these students, or give the points so far.",
)
_roster = click.option(
    "--roster",
    type=click.Path(path_type=Path),
    help="CSV with columns student and id: whom the sheet calls what, and who should have handed in.",
)
_deadlines = click.option(
    "--deadlines",
    type=click.Path(path_type=Path),
    help="Default: deadlines.toml in the course folder, if there is one.",
)
_moodle = click.option(
    "--moodle", type=click.Path(path_type=Path), help="Moodle's grading worksheet, which says when each handed in."
)
_column = click.option("--column", help="The grade's column of that worksheet, where its name is not known.")
_comments = click.option("--comments", is_flag=True, help="Also fill the column of comments: points by question.")


@export.command(
    short_help="Fill a gradebook from Canvas.", epilog="Example: autograder export canvas 2026-10-20_Grades-EE101.csv"
)
@_sheet_options
def canvas(**options: Any) -> None:
    """Fill SHEET, a gradebook from Canvas (Grades > Export > Export entire gradebook).

    Upload it with Grades > Import. Canvas shows what changes before it takes it.
    """
    from autograder.export.canvas import read_canvas

    _fill(read_canvas, **options)


@export.command(
    short_help="Fill a grading worksheet from Moodle.",
    epilog='Example: autograder export moodle "Grades-EE101-Early exit-55.csv" --comments',
)
@_sheet_options
@_comments
@click.option("--comments-column", help="The column of comments, where its name is not known.")
def moodle(comments_column: str | None, **options: Any) -> None:
    """Fill SHEET, a grading worksheet from Moodle (Submissions > Download grading worksheet).

    Upload it with Submissions > Upload grading worksheet.
    """
    from autograder.export.moodle import read_moodle

    _fill(functools.partial(read_moodle, comment=comments_column), **options)


@export.command(
    short_help="Fill grades from Blackboard.",
    epilog="Example: autograder export blackboard gc_EE101_column_2026-10-20.xls",
)
@_sheet_options
@_comments
def blackboard(**options: Any) -> None:
    """Fill SHEET, grades from Blackboard (Grade Center > Work Offline > Download), as CSV or as .xls with tabs.

    Upload it with Work Offline > Upload.
    """
    from autograder.export.blackboard import read_blackboard

    _fill(read_blackboard, **options)


@export.command(
    short_help="Fill a table of scores from Gradescope.",
    epilog="Example: autograder export gradescope Early_exit_scores.csv",
)
@_sheet_options
def gradescope(**options: Any) -> None:
    """Fill SHEET, the scores from Gradescope (Review Grades > Download Grades): the total, and each question.

    Gradescope does not take the file back. It is for whoever keeps grades in tables.
    """
    from autograder.export.gradescope import read_gradescope

    _fill(read_gradescope, **options)


@export.command(
    "csv", short_help="Write a flat table of all grades.", epilog="Example: autograder export csv --per-question"
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: grades.csv next to results.json.")
@click.option("--per-question", is_flag=True, help="Also a column for each question.")
@_unmarked
@_lateness_options
@course_options
def table(
    output: Path | None,
    per_question: bool,
    unmarked: str | None,
    moodle: Path | None,
    column: str | None,
    deadlines: Path | None,
    roster: Path | None,
    course: Path | None,
    workspace: Path | None,
    assignment: str | None,
) -> None:
    """Write a flat table: verdict, points, penalty, total, and how many answers wait for a person."""
    with _class(course, workspace, assignment) as settings:
        from autograder.export.filling import Choices, choose, lateness_remarks
        from autograder.export.table import grades_table

        target = _target(output or settings.workspace / settings.assignment.name / "grades.csv")
        grades, who = _graded(settings, deadlines, moodle, column, roster)
        leaving, remarks = choose(grades, Choices(unmarked=unmarked))
        faults = [one for one in grades if one.is_fault]  # the table has a line for them, without points
        data = grades_table(sorted([*leaving, *faults], key=lambda one: one.student), per_question)
        _written(target, data, [*remarks, *lateness_remarks(leaving), *_absent(settings, deadlines, grades, who)])


@export.command(short_help="Write JUnit XML for continuous integration.", epilog="Example: autograder export junit")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: junit.xml next to results.json.")
@_deadlines
@course_options
def junit(
    output: Path | None, deadlines: Path | None, course: Path | None, workspace: Path | None, assignment: str | None
) -> None:
    """Write every check of every student as JUnit XML, for continuous integration."""
    with _class(course, workspace, assignment) as settings:
        from autograder.export.junit import junit_xml
        from autograder.export.reading import load_grades, with_lateness
        from autograder.records.results_json import load_results

        name = settings.assignment.name
        target = _target(output or settings.workspace / name / "junit.xml")
        grades = with_lateness(load_grades(settings.workspace, name), settings, deadlines)
        _written(target, junit_xml(load_results(settings.workspace, name), grades), [])


@export.command(
    short_help="Pack the students' pages for a platform.", epilog="Example: autograder export feedback canvas"
)
@click.argument("platform", type=click.Choice(["canvas", "moodle", "plain"]))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Default: feedback-PLATFORM.zip in the workspace."
)
@_unmarked
@_lateness_options
@course_options
def feedback(
    platform: str,
    output: Path | None,
    unmarked: str | None,
    moodle: Path | None,
    column: str | None,
    deadlines: Path | None,
    roster: Path | None,
    course: Path | None,
    workspace: Path | None,
    assignment: str | None,
) -> None:
    """Pack each student's page of the report into a zip, with the names that PLATFORM needs to give them out.

    Canvas takes it where the submissions were downloaded (Upload Submissions), Moodle as feedback files in a zip.
    """
    with _class(course, workspace, assignment) as settings:
        from autograder.export.explained import told_to_the_student
        from autograder.export.feedback import feedback_zip
        from autograder.export.filling import Choices, choose, lateness_remarks
        from autograder.records.marks import marked
        from autograder.records.results_json import load_results
        from autograder.reporting import student_page

        name = settings.assignment.name
        target = _target(output or settings.workspace / name / f"feedback-{platform}.zip")
        grades, _ = _graded(settings, deadlines, moodle, column, roster)
        leaving, remarks = choose(grades, Choices(unmarked=unmarked))
        results = marked(load_results(settings.workspace, name), settings.workspace)
        graded = {one.student: one for one in results.grades}
        handins = {one.student: one.handin for one in leaving if one.student in graded}
        late = {one.student: told_to_the_student(one) for one in leaving}

        def page_of(student: str) -> str:
            return student_page(graded[student], results, settings.workspace, late[student])

        data = feedback_zip(handins, page_of, platform)
        _written(
            target,
            data,
            [f"{counted(len(handins), 'page')}, {len(data) / 2**20:.1f} MiB", *remarks, *lateness_remarks(leaving)],
        )


@export.command(
    "deadlines", short_help="Say who was late and what it costs.", epilog="Example: autograder export deadlines"
)
@_lateness_options
@course_options
def lateness(
    moodle: Path | None,
    column: str | None,
    deadlines: Path | None,
    roster: Path | None,
    course: Path | None,
    workspace: Path | None,
    assignment: str | None,
) -> None:
    """Say of everyone how late the work was, what that costs, and why."""
    with _class(course, workspace, assignment) as settings:
        from autograder.export.explained import lateness_table
        from autograder.export.reading import deadlines_of
        from autograder.report.terminal import Terminal

        name, rules = settings.assignment.name, deadlines_of(settings, deadlines)
        if rules is None or name not in rules.rules:
            raise UsageError(
                f"There is no deadline for {name}. Write deadlines.toml in {settings.course}; "
                "README has an example under Deadlines."
            )
        grades, who = _graded(settings, deadlines, moodle, column, roster)
        terminal = Terminal()
        if not terminal.console.is_terminal:
            terminal.console.width = 160
        terminal.console.print(lateness_table(grades))
        for remark in _absent(settings, deadlines, grades, who):
            terminal.say(remark)


@contextlib.contextmanager
def _class(course: Path | None, workspace: Path | None, assignment: str | None) -> Iterator[Settings]:
    """The settings of a graded class, which is not graded meanwhile: half a class would go out as a whole one."""
    with told_in_a_sentence():
        settings = settings_of(course, workspace, assignment)
        from autograder.records.results_json import load_results
        from autograder.workspace import adopt_old_results, locked

        adopt_old_results(settings)
        load_results(settings.workspace, settings.assignment.name)  # the lock would make a workspace
        with locked(settings.workspace):
            yield settings


def _graded(
    settings: Settings, deadlines: Path | None, moodle: Path | None, column: str | None, roster: Path | None
) -> tuple[Sequence[Any], Mapping[str, tuple[str, ...]]]:
    """Everyone's grade with lateness, as these options tell of it, and the roster."""
    from autograder.export.reading import grades_with_lateness, load_roster

    who = load_roster(roster) if roster else {}
    return grades_with_lateness(settings, deadlines, moodle, column, who), who


def _fill(
    read: Callable[..., Any],
    *,
    sheet: Path,
    output: Path | None,
    column: str | None,
    partial: bool,
    roster: Path | None,
    deadlines: Path | None,
    course: Path | None,
    workspace: Path | None,
    assignment: str | None,
    **choices: Any,
) -> None:
    with _class(course, workspace, assignment) as settings:
        from autograder.export.filling import Choices, fill
        from autograder.export.matching import place
        from autograder.export.reading import load_grades, load_roster, times_in, with_lateness
        from autograder.export.sheet import read_sheet

        read_in = read_sheet(sheet)
        target = _target(output or sheet.with_name(f"{sheet.stem}-filled{sheet.suffix}"), sheet)
        book = read(read_in, settings.assignment.name, column)
        who = load_roster(roster) if roster else {}
        grades = load_grades(settings.workspace, settings.assignment.name)
        placed = place(book, grades, who, partial)
        grades = with_lateness(grades, settings, deadlines, times_in(book, placed), who)
        filled = fill(book, placed, grades, Choices(roster=who, **choices))
        _written(target, filled.data, [*filled.remarks, *_absent(settings, deadlines, grades, who)])
    sys.exit(GRADER_FAILED if filled.faults else OK)


def _absent(
    settings: Settings, deadlines: Path | None, grades: Sequence[Any], roster: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """Remarks on those who handed in nothing, of the deadlines and of the roster."""
    from autograder.export.explained import who_is_absent
    from autograder.export.reading import deadlines_of, missing_from

    rules, missing = deadlines_of(settings, deadlines), missing_from(grades, roster)
    named = [f"In the roster, handed in nothing ({len(missing)}): {listed(missing)}"] if missing else []
    return [*(who_is_absent(rules, settings.assignment.name, grades) if rules else ()), *named]


def _target(output: Path, source: Path | None = None) -> Path:
    """Where to write; never over what was read."""
    if output.is_dir() or (source is not None and output.exists() and output.samefile(source)):
        what = "is a folder" if output.is_dir() else "is the sheet itself, which is never written over"
        raise UsageError(f"{output} {what}. Name another file with -o.")
    return output


def _written(target: Path, data: bytes, remarks: Sequence[str]) -> None:
    from autograder.files import write_whole
    from autograder.report.terminal import Terminal

    try:
        write_whole(target, data)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}. Name another file with -o.") from None
    terminal = Terminal()
    for remark in (*remarks, f"wrote {target}"):
        terminal.say(remark)

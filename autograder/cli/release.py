"""``autograder release``."""

from pathlib import Path

import click

from autograder.cli.common import course_options, settings_of, told_in_a_sentence


@click.command(
    short_help="Make the students' notebook and bundle.",
    epilog="Example: autograder release, then hand out dist/<assignment>.zip",
)
@course_options
def release(course: Path | None, workspace: Path | None, assignment: str | None) -> None:
    """Make the students' notebook and bundle from the solutions, and refuse if an answer is in them."""
    with told_in_a_sentence():
        settings = settings_of(course, workspace, assignment)
        from autograder.release import write_release

        for path in write_release(settings):
            click.echo(f"wrote {path}")
        click.echo("No line of a solution, of a check or of the grader is in them, except those that given cells hold.")

"""``autograder doctor``."""

import sys
from pathlib import Path

import click

from autograder.cli.common import GRADER_FAILED, OK, course_options, settings_of, told_in_a_sentence


@click.command(
    short_help="Say whether this machine can grade.",
    epilog="Example: autograder doctor, on the machine that is to grade",
)
@course_options
def doctor(course: Path | None, workspace: Path | None, assignment: str | None) -> None:
    """Say whether this machine can grade, and prove that its box holds."""
    with told_in_a_sentence():
        settings = settings_of(course, workspace, assignment)
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

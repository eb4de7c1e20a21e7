"""``autograder export gradescope-autograder``."""

from pathlib import Path

import click

from autograder.cli.common import course_options, settings_of, told_in_a_sentence


@click.command(
    "gradescope-autograder",
    short_help="Make Gradescope's autograder zip.",
    epilog="Example: autograder export gradescope-autograder, then upload the zip.",
)
@click.option(
    "--unsafe-no-box",
    is_flag=True,
    help="Grade also where Gradescope's container allows no box. autograder/gradescope/README.md says what student "
    "code can see then.",
)
@course_options
def gradescope_autograder(
    unsafe_no_box: bool, course: Path | None, workspace: Path | None, assignment: str | None
) -> None:
    """Make the zip to upload as Gradescope's autograder. It holds the solutions: never give it to students."""
    with told_in_a_sentence():
        settings = settings_of(course, workspace, assignment)
        from autograder.gradescope.bundle import points_on_gradescope, write_bundle

        click.echo(f"wrote {write_bundle(settings, unsafe_no_box=unsafe_no_box)}")
        click.echo("It holds the solutions and the checks. Upload it to Gradescope; never give it to students.")
        automatic, written = points_on_gradescope(settings)
        click.echo(f"Autograder points: {automatic:g}. Points for manual grading: {written:g}.")

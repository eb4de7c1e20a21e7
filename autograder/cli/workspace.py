"""``autograder workspace``."""

from pathlib import Path

import click

from autograder.assignments.assignment import assignments_of
from autograder.cli.common import course_options, settings_of, student_names, told_in_a_sentence
from autograder.config import find_course

EXAMPLES = """\b
Examples:
  autograder workspace
  autograder workspace --prune
  autograder workspace --forget meyer
"""


@click.command(short_help="List the workspace's rounds, and make room.", epilog=EXAMPLES)
@click.option("--prune", is_flag=True, help="Remove the runs that no student's newest grade needs.")
@click.option(
    "--forget",
    multiple=True,
    metavar="STUDENT",
    shell_complete=student_names,
    help="Remove a student everywhere; may be given several times.",
)
@course_options
def workspace(
    prune: bool, forget: tuple[str, ...], course: Path | None, workspace: Path | None, assignment: str | None
) -> None:
    """Say which rounds the workspace keeps and what takes how much room, and make room."""
    with told_in_a_sentence():
        some = assignment or next(iter(assignments_of((course or find_course(Path.cwd())).resolve())), None)
        settings = settings_of(course, workspace, some)
        from autograder import upkeep
        from autograder.report.terminal import Terminal
        from autograder.report.workspace_table import show_room, show_rounds

        terminal, place = Terminal(), settings.workspace
        before = upkeep.taken(place)
        for student in forget:
            copies = upkeep.forget(student, settings)
            terminal.say(f"Removed {student} from every round, the gradebook, the files and the pages. Export again.")
            if copies:
                names = ", ".join(copy.name for copy in copies)
                terminal.say(f"Older copies of the gradebook still have {student}. Delete them: {names}")
        if prune:
            terminal.say(f"Removed runs that no newest grade needs: {upkeep.prune(place)}.")
        show_rounds(terminal, upkeep.rounds_in(place))
        show_room(terminal, place, before, upkeep.taken(place))

"""``autograder diff``."""

import sys
from pathlib import Path

import click

from autograder.cli.common import OK, course_options, settings_of, told_in_a_sentence

DIFFERENT = 1
EXAMPLES = """\b
Examples:
  autograder diff
  autograder diff 1 3
  autograder diff seed:7 seed:8
  autograder diff ../other/grading grading
"""


@click.command(short_help="Say for whom what changed, and why.", epilog=EXAMPLES)
@click.argument("before", required=False)
@click.argument("after", required=False)
@course_options
def diff(
    before: str | None, after: str | None, course: Path | None, workspace: Path | None, assignment: str | None
) -> None:
    """Say for whom what changed between two gradings, and why: as a table and as a page.

    BEFORE and AFTER are numbers of rounds, seeds (seed:7), workspaces or files like results.json. Without them the two
    newest rounds are compared; with one, that and the newest. `autograder workspace` lists the rounds.

    Exit code 0: nobody's grade differs; 1: somebody's does; 2: bad usage.
    """
    with told_in_a_sentence():
        settings = settings_of(course, workspace, assignment)
        from autograder.changes import compare
        from autograder.files import write_whole
        from autograder.records.gradings import two_gradings
        from autograder.report.diff_page import render_diff_page
        from autograder.report.diff_table import show_comparison
        from autograder.report.terminal import Terminal
        from autograder.workspace import adopt_old_results

        adopt_old_results(settings)
        comparison = compare(*two_gradings(before, after, settings.workspace, settings.assignment.name))
        page = settings.workspace / settings.assignment.name / "diff.html"
        write_whole(page, render_diff_page(comparison).encode("utf-8", "replace"))
        show_comparison(Terminal(), comparison, page)
    sys.exit(DIFFERENT if comparison.changes else OK)

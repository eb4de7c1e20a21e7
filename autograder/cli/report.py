"""``autograder report``."""

from pathlib import Path

import click

from autograder.cli.common import course_options, settings_of, told_in_a_sentence


@click.command(short_help="Write the report pages again.", epilog="Example: autograder report --workspace grading")
@course_options
def report(course: Path | None, workspace: Path | None, assignment: str | None) -> None:
    """Write the report pages again from results.json and print the class."""
    with told_in_a_sentence():
        settings = settings_of(course, workspace, assignment)
        from autograder.records.results_json import load_results
        from autograder.report.html import write_report
        from autograder.report.terminal import ClassDisplay
        from autograder.workspace import adopt_old_results

        adopt_old_results(settings)
        results = load_results(settings.workspace, settings.assignment.name)
        ClassDisplay().summary(results, write_report(results, settings.workspace))

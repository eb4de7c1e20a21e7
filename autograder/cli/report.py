"""``autograder report``."""

from pathlib import Path

import click

from autograder.cli.common import course_options, settings_of, told_in_a_sentence


@click.command(short_help="Write the report pages again.", epilog="Example: autograder report --workspace grading")
@course_options
def report(course: Path | None, workspace: Path | None, assignment: str | None) -> None:
    """Write the report pages again from results.json and the gradebook, and print the class."""
    with told_in_a_sentence():
        settings = settings_of(course, workspace, assignment)
        from autograder.records.marks import marked
        from autograder.records.results_json import load_results, save_results
        from autograder.report.class_table import show_class
        from autograder.report.terminal import Terminal
        from autograder.reporting import write_report
        from autograder.workspace import adopt_old_results, locked

        adopt_old_results(settings)
        load_results(settings.workspace, settings.assignment.name)  # the lock would make a workspace
        with locked(settings.workspace):
            results = marked(load_results(settings.workspace, settings.assignment.name), settings.workspace)
            save_results(results, settings.workspace)
        index = write_report(results, settings.workspace, settings.solutions_notebook)
        show_class(Terminal(), results, index)

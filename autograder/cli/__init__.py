"""The command line: a module for each verb. Each parses, calls, prints, exits."""

import sys

import click

from autograder.cli.diff import diff
from autograder.cli.doctor import doctor
from autograder.cli.export import export
from autograder.cli.grade import grade
from autograder.cli.release import release
from autograder.cli.report import report
from autograder.cli.workspace import workspace


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Grades a class of notebooks in sealed boxes.

    \b
    First time:      autograder doctor
    Hand out:        autograder release
    Grade a class:   autograder grade submissions/
    Read the grades: open grading/<assignment>/report/index.html
    What changed:    autograder diff
    Give them back:  autograder export canvas GRADES.csv

    SUBMISSIONS is what a learning platform gives out, an nbgrader tree (<student>/<assignment>/<assignment>.ipynb), a
    flat folder (<student>.ipynb), or a zip of any of these. Everything goes to the workspace, by default grading/ in
    the course folder. Exit code 0: everything found got a verdict other than GRADER_ERROR; 1: something did not, or
    the grader could not start; 2: bad usage.
    """
    # nbformat imports jsonschema, which builds a grammar of international web addresses if it finds this package. That
    # takes longer than all other imports together, and no notebook's schema asks for it.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


for _verb in (grade, report, diff, export, workspace, release, doctor):
    main.add_command(_verb)

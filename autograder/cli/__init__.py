"""The command line: a module for each verb. Each parses, calls, prints, exits."""

import sys

import click

from autograder.cli.cluster import cluster
from autograder.cli.completion import completion
from autograder.cli.diff import diff
from autograder.cli.doctor import doctor
from autograder.cli.export import export
from autograder.cli.grade import grade
from autograder.cli.gradescope import gradescope_autograder
from autograder.cli.release import release
from autograder.cli.report import report
from autograder.cli.version import print_version
from autograder.cli.workspace import workspace

EPILOG = "Help on a verb, with an example: autograder grade --help"


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Print the releases of the grader, Python, torch and the box, and exit.",
)
def main() -> None:
    """Grades a class of notebooks in sealed boxes.

    \b
    First time:      autograder doctor
    Hand out:        autograder release
    Grade a class:   autograder grade submissions/
    Read the grades: open grading/<assignment>/report/index.html
    What changed:    autograder diff
    Give them back:  autograder export canvas GRADES.csv

    SUBMISSIONS is what Canvas, Moodle, Blackboard, Brightspace, Gradescope or GitHub gives out, an nbgrader tree
    (<student>/<assignment>/<assignment>.ipynb), a flat folder (<student>.ipynb), or a zip of any of these.

    \b
    Everything goes to the workspace, by default grading/ in the course folder:
      <assignment>/report/        pages: the class, and one for each student
      <assignment>/results.json   the same as data
      <assignment>/rounds/        the grades of each grading
      gradebook.db, submitted/,   nbgrader's own, for formgrader and feedback
      autograded/
      runs/                       stored runs, so that nothing is done twice

    Exit code 0: everything found got a verdict other than GRADER_ERROR; 1: something did not, or the grader could not
    start; 2: bad usage.
    """
    # nbformat imports jsonschema, which builds a grammar of international web addresses if it finds this package. That
    # takes longer than all other imports together, and no notebook's schema asks for it.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


export.add_command(gradescope_autograder)
for _verb in (grade, report, diff, export, workspace, release, doctor, cluster, completion):
    main.add_command(_verb)

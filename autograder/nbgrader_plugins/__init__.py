"""nbgrader's settings for a course: they put ours in the place of its grading and feedback, and help its graders."""

from pathlib import Path

from traitlets.config import Config

from autograder.records.nbgrader_store import nbgrader_config


def course_config(course: Path, workspace: Path | None = None) -> Config:
    """nbgrader's settings, for the ``nbgrader_config.py`` in a course folder or in a workspace.

    Args:
        workspace: Where the file lies that asks, with a workspace elsewhere; None for ``grading`` in the course.
    """
    config = nbgrader_config(course, workspace or course / "grading", workspace or course)
    config.Autograde.exporter_class = "autograder.nbgrader_plugins.autograde.ReadsAnything"
    config.HTMLExporter.preprocessors = ["autograder.nbgrader_plugins.formgrader.HelpsGraders"]
    config.Autograde.sanitize_preprocessors = []
    config.Autograde.autograde_preprocessors = [
        "autograder.nbgrader_plugins.autograde.GradeInBox",
        "nbgrader.preprocessors.AssignLatePenalties",  # gives none, unless an instructor configures it
    ]
    config.GenerateFeedback.exporter_class = "autograder.nbgrader_plugins.feedback.StudentPage"
    config.GenerateFeedback.preprocessors = []
    return config

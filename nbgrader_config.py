"""nbgrader's settings for this course: read by every `nbgrader` command started in this folder."""

from pathlib import Path

from autograder.nbgrader_plugins import course_config

c = get_config()  # noqa: F821  nbgrader defines it
c.merge(course_config(Path(__file__).resolve().parent))

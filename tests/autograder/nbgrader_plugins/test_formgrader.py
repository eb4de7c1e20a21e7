"""What formgrader adds for graders to a notebook that it shows, and to no other."""

from pathlib import Path

import nbformat
import pytest
from small_course import make_course
from traitlets.config import Config

from autograder.nbgrader_plugins import course_config
from autograder.nbgrader_plugins.formgrader import HelpsGraders

OPENED = {"submission_id": "1", "assignment_id": "small"}


@pytest.fixture(name="config")
def _config(tmp_path: Path) -> Config:
    return course_config(make_course(tmp_path / "course"))


def shown(config: Config, resources: dict) -> list[str]:
    """The cells of a graded notebook with two answers, as they are shown."""
    cells = [
        nbformat.v4.new_markdown_cell(text, metadata={"nbgrader": {"grade_id": grade_id}} if grade_id else {})
        for text, grade_id in (("# Title", ""), ("Mine.", "q_why"))
    ]
    nb, _ = HelpsGraders(config=config).preprocess(nbformat.v4.new_notebook(cells=cells), resources)
    return [cell.source for cell in nb.cells]


def test_a_grader_has_the_model_answer_below_the_students_and_a_link_to_it(config: Config) -> None:
    links, title, answer, model = shown(config, OPENED)

    assert "[q_why](#q_why)" in links
    assert (title, answer) == ("# Title", "Mine.")
    assert "Because it is cheaper." in model and "for graders only" in model


def test_what_is_not_shown_by_formgrader_stays_as_it_is(config: Config) -> None:
    assert shown(config, {"nbgrader": {"assignment": "small"}}) == ["# Title", "Mine."]


@pytest.mark.parametrize("text", [None, "", "[]", '{"cells": [{}]}'])
def test_without_readable_solutions_the_submission_is_shown_all_the_same(config: Config, text: str | None) -> None:
    solutions = Path(config.CourseDirectory.root, "solutions", "small", "small.ipynb")
    if text is None:
        solutions.unlink()
    else:
        solutions.write_text(text)

    assert shown(config, OPENED) == ["# Title", "Mine."]

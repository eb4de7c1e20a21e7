"""What graders mark by: read from the solutions, never in what students get."""

import json
from pathlib import Path

from small_course import cell, make_course, settings_for

from autograder.records.mark_scheme import MarkScheme, mark_schemes
from autograder.release import bundle_files, release_text

SCHEME = """Why does early exit pay?

### BEGIN SOLUTION
Because it is cheaper
on easy images.
### BEGIN MARK SCHEME
- 1 point: says what gets cheaper
- 1 point: and for which images
### END MARK SCHEME
### END SOLUTION"""


def with_scheme(folder: Path) -> Path:
    """A course whose question has a mark scheme."""
    course = make_course(folder)
    path = course / "solutions" / "small" / "small.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][-1]["source"] = SCHEME
    notebook["cells"].append(
        cell("markdown", "q_free", "### BEGIN SOLUTION\nNot marked.\n### END SOLUTION", points=0, solution=True)
    )
    path.write_text(json.dumps(notebook))
    return course


def test_a_question_with_points_has_its_model_answer_and_its_scheme(tmp_path: Path) -> None:
    course = with_scheme(tmp_path / "course")

    assert mark_schemes(course / "solutions" / "small" / "small.ipynb") == {
        "q_why": MarkScheme(
            "Because it is cheaper\non easy images.",
            "- 1 point: says what gets cheaper\n- 1 point: and for which images",
        )
    }


def test_nothing_of_it_is_released(tmp_path: Path) -> None:
    settings = settings_for(with_scheme(tmp_path / "course"), tmp_path / "ws")
    (settings.course / "pyproject.toml").write_text('[project]\ndependencies = ["numpy"]\n')

    released = "".join(bundle_files(settings, release_text(settings)).values())

    assert "Why does early exit pay?" in released
    assert [word for word in ("cheaper", "1 point", "MARK SCHEME") if word in released] == []

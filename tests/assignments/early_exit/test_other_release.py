"""A class that was given another release of the lesson: same grades, nobody is blamed, and the instructor hears it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from nbformat import from_dict
from nbgrader.utils import compute_checksum
from sample_class import RELEASE, ROOT, SOLUTION, Notebook, build_notebook, nbgrader, replace_source

from autograder.cli import main

# As these cells once were. Today's course_lib has no band, and its networks are called otherwise.
OLDER = {
    "title": "# Early exit\n\nHow much time does this take? Students told us, and later releases say it here.",
    "setup": "from course_lib.plots import band\n\nprofile = load_profile('tiny')\nseen = band(profile)",
    "overfit": "few = train.images[:32]\nlosses_of_few = [loss_of(few) for _ in range(40)]\nprint(losses_of_few[-1])",
}
EDITED = "\nMY_WEIGHT = 0.3\n"


def older_release() -> Notebook:
    """What was released when these cells had other texts."""
    notebook = json.loads(RELEASE.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = OLDER.get(nbgrader(cell)["grade_id"], "".join(cell["source"]))
        cell["metadata"]["nbgrader"]["checksum"] = compute_checksum(from_dict(cell))
    return notebook


@pytest.mark.slow
def test_a_class_that_was_given_another_release_loses_nothing_and_its_instructor_is_told(tmp_path: Path) -> None:
    solutions, release = (json.loads(file.read_text(encoding="utf-8")) for file in (SOLUTION, RELEASE))
    handed_in = {
        "ann": build_notebook("solution", solutions, older_release()),
        "bob": build_notebook("solution", solutions, older_release()),
        "cem": build_notebook("solution", solutions, release),
    }
    for cell in handed_in["bob"]["cells"]:
        if nbgrader(cell)["grade_id"] == "setup":
            cell["source"] += EDITED
    replace_source(handed_in["bob"], "mac_ratio", "def mac_ratio(a, b):\n    return b / a", "bob")
    (tmp_path / "class").mkdir()
    for student, notebook in handed_in.items():
        given = next(cell for cell in notebook["cells"] if nbgrader(cell)["grade_id"] == "imports")
        given["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "seen"}]  # or all cells would run
        (tmp_path / "class" / f"{student}.ipynb").write_text(json.dumps(notebook))

    words = ["grade", tmp_path / "class", "--workspace", tmp_path / "ws", "--course", ROOT]
    said = CliRunner().invoke(main, list(map(str, words))).output

    results = json.loads((tmp_path / "ws" / "early_exit" / "results.json").read_text())
    ann, bob, cem = results["submissions"]
    assert [(one["score"], one["other_release"]) for one in (ann, bob, cem)] == [
        (27.0, ["title", "setup", "overfit"]),
        (26.0, ["title", "overfit"]),
        (27.0, []),
    ]
    assert (ann["verdict"], ann["notes"], cem["notes"]) == ("OK", [], [])
    assert bob["notes"][0] == "cell setup differs from the released one, which is used"
    assert "Made from another release of the notebook: 2 of 3 submissions. 3 given cells differ there: " in said
    report = tmp_path / "ws" / "early_exit" / "report"
    assert "Made from another release of the notebook: 2" in (report / "index.html").read_text()
    assert "another release" not in (report / "ann.html").read_text()

"""``autograder export`` as an instructor meets it: a class from a platform, graded, marked by hand, and given back."""

import dataclasses
import datetime
import shutil
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from nbgrader.api import Gradebook
from small_course import graded_class, submission

from autograder.cli import main
from autograder.course import Course
from autograder.records.nbgrader_store import gradebook_url
from autograder.workspace import locked

SHEET = (
    b"Student,ID,SIS User ID,SIS Login ID,Section,Small (77)\n    Points Possible,,,,,6\n"
    b'"Doe, Jane",1234,,jdoe,A,\n"Roe, Max",1235,,mroe,A,\n"Missing, Mia",1236,,mia,A,\n'
)
DEADLINES = """
timezone = "Europe/Berlin"
[small]
due = 2026-10-01T23:59:00
penalty = { percent = 10 }
late_mark = "2 days"
"""


@pytest.fixture(name="graded_workspace", scope="module")
def _graded_workspace(prepared: Course, warm: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two students of a Canvas zip, one of them late; their words wait for a person."""
    folder = tmp_path_factory.mktemp("export")
    with zipfile.ZipFile(folder / "class.zip", "w") as archive:
        archive.writestr("doejane_1234_567890_small.ipynb", submission(prepared.released, q_why="Because."))
        wrong = submission(prepared.released, q_why="Why not?", mac_ratio="def mac_ratio(a, b):\n    return a * b")
        archive.writestr("roemax_LATE_1235_567891_small.ipynb", wrong)
    settings = dataclasses.replace(prepared.settings, workspace=folder / "ws")
    graded_class(folder / "class.zip", settings, 11)
    return folder / "ws"


@pytest.fixture(name="export")
def _export(graded_workspace: Path, small_course: Path, tmp_path: Path):
    """Runs the command in a copy of the course and of the workspace, next to which a sheet lies."""
    shutil.copytree(small_course, tmp_path / "course")
    shutil.copytree(graded_workspace, tmp_path / "ws")
    (tmp_path / "sheet.csv").write_bytes(SHEET)

    def export(*words: object) -> Result:
        where = ["--course", tmp_path / "course", "--workspace", tmp_path / "ws"]
        return CliRunner().invoke(main, ["export", *map(str, words), *map(str, where)])

    return export


def mark_by_hand(workspace: Path, **points: float) -> None:
    with Gradebook(gradebook_url(workspace)) as gradebook:
        for student, given in points.items():
            grade = gradebook.find_grade("q_why", "small", "small", student)
            grade.manual_score, grade.needs_manual_grade = given, False
        gradebook.db.commit()


def assert_refused(result: Result, *parts: str) -> None:
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert len([line for line in result.output.splitlines() if line.startswith("autograder: ")]) == 1
    for part in parts:
        assert part in result.output


def test_from_a_canvas_zip_to_the_filled_sheet(export, tmp_path: Path) -> None:
    refused = export("canvas", tmp_path / "sheet.csv")
    assert_refused(refused, "2 answers of 2 students wait", "doejane_1234", "roemax_1235", "--unmarked")
    assert not (tmp_path / "sheet-filled.csv").exists()

    mark_by_hand(tmp_path / "ws", doejane_1234=1.5, roemax_1235=2)
    done = export("canvas", tmp_path / "sheet.csv")

    assert done.exit_code == 0, done.output
    filled = SHEET.replace(b"jdoe,A,", b"jdoe,A,5.5").replace(b"mroe,A,", b"mroe,A,5")
    assert (tmp_path / "sheet-filled.csv").read_bytes() == filled
    assert (tmp_path / "sheet.csv").read_bytes() == SHEET
    assert "'Small (77)' in sheet.csv: 2 grades" in done.output
    assert "Marked late by the platform, no penalty because no deadline is known (1): roemax_1235" in done.output
    assert "Missing, Mia" in done.output


def test_a_moved_deadline_needs_no_regrade(export, tmp_path: Path) -> None:
    mark_by_hand(tmp_path / "ws", doejane_1234=1.5, roemax_1235=2)
    before = (tmp_path / "ws" / "small" / "results.json").read_bytes()
    (tmp_path / "course" / "deadlines.toml").write_text(DEADLINES)
    assert "roemax_1235 (−1)" in export("canvas", tmp_path / "sheet.csv").output
    assert b"mroe,A,4\n" in (tmp_path / "sheet-filled.csv").read_bytes()

    granted = f'{DEADLINES}[[small.exception]]\nstudent = "1235"\nno_penalty = true\nreason = "ill"\n'
    (tmp_path / "other.toml").write_text(granted)
    again = export("canvas", tmp_path / "sheet.csv", "--deadlines", tmp_path / "other.toml")
    assert again.exit_code == 0, again.output
    assert b"mroe,A,5\n" in (tmp_path / "sheet-filled.csv").read_bytes()
    assert (tmp_path / "ws" / "small" / "results.json").read_bytes() == before


def test_deadlines_are_explained(export, tmp_path: Path) -> None:
    assert_refused(export("deadlines"), "There is no deadline for small. Write deadlines.toml in")
    assert_refused(export("deadlines", "--deadlines", tmp_path / "x.toml"), "There is no file", "x.toml")
    (tmp_path / "course" / "deadlines.toml").write_text(
        f"{DEADLINES}[small.submitted]\ndoejane_1234 = 2026-10-02T03:00:00\nzz9 = 2026-10-02T03:00:00\n"
    )
    said = export("deadlines").output
    assert "handed in nothing (1): zz9" in export("csv", "--unmarked", "so-far").output

    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in said.splitlines() if line.strip()}
    assert lines["doejane_1234"] == "2026-10-02 03:00 2026-10-01 23:59 3 h 1 min −0.4 (10 %)"
    assert lines["roemax_1235"] == "unknown 2026-10-01 23:59 2 d −0.6 (20 %) only a late mark is known"
    assert "Named in deadlines.toml, handed in nothing (1): zz9" in said


def test_times_of_the_gradebook_are_known(export, tmp_path: Path) -> None:
    with Gradebook(gradebook_url(tmp_path / "ws")) as gradebook:
        late = gradebook.find_submission("small", "doejane_1234")
        late.timestamp = datetime.datetime(2026, 10, 1, 23, 59)
        gradebook.db.commit()
    (tmp_path / "course" / "deadlines.toml").write_text(DEADLINES)

    jane = next(line for line in export("deadlines").output.splitlines() if "doejane" in line)
    assert "2026-10-02 01:59" in jane and "2 h" in jane


def test_the_table_junit_and_feedback(export, tmp_path: Path) -> None:
    folder = tmp_path / "ws" / "small"
    assert_refused(export("csv"), "2 answers of 2 students wait")
    assert export("csv", "--unmarked", "so-far", "--per-question").exit_code == 0
    assert (folder / "grades.csv").read_text().splitlines()[1].startswith("doejane_1234,")
    assert export("csv", "--unmarked", "skip", "-o", tmp_path / "t.csv").exit_code == 0
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 1

    assert export("junit").exit_code == 0
    assert b'<testsuite name="roemax_1235"' in (folder / "junit.xml").read_bytes()

    assert_refused(export("feedback", "canvas"), "2 answers of 2 students wait")
    assert export("feedback", "canvas", "--unmarked", "so-far").exit_code == 0
    with zipfile.ZipFile(folder / "feedback-canvas.zip") as archive:
        assert archive.namelist() == ["doejane_1234_567890_feedback.html", "roemax_LATE_1235_567891_feedback.html"]
        assert b"mac_ratio" in archive.read(archive.namelist()[1])
    (tmp_path / "course" / "deadlines.toml").write_text(DEADLINES)
    assert export("feedback", "plain", "--unmarked", "so-far").exit_code == 0
    with zipfile.ZipFile(folder / "feedback-plain.zip") as archive:
        jane, max = (archive.read(name).decode() for name in archive.namelist())
    told = "Due 2026-10-01 23:59 CEST, handed in 2 d late. That costs 0.6 points, so 2.4 count."
    assert told in max and "handed in 2 d late" not in jane
    assert_refused(export("feedback", "moodle", "--unmarked", "so-far"), "Moodle cannot give feedback to doejane_1234")


def test_nothing_is_written_over_the_sheet_or_a_folder(export, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    (tmp_path / "link.csv").symlink_to(sheet)
    for output in (sheet, tmp_path / "link.csv"):
        assert_refused(export("canvas", sheet, "--unmarked", "so-far", "-o", output), "never written over", "-o")
    assert_refused(export("csv", "-o", tmp_path), "is a folder")
    assert sheet.read_bytes() == SHEET
    (tmp_path / "file").touch()
    under = tmp_path / "file" / "x.csv"
    assert_refused(export("canvas", sheet, "--unmarked", "so-far", "-o", under), "cannot be written")


@pytest.mark.parametrize("verb", ["canvas", "moodle", "blackboard", "gradescope"])
def test_a_bad_sheet_is_a_sentence(export, tmp_path: Path, verb: str) -> None:
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 10)
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(2 << 30)
    (tmp_path / "empty.csv").touch()
    for name in ("binary.csv", "huge.csv", "empty.csv", "nowhere.csv"):
        assert_refused(export(verb, tmp_path / name), name)
    if verb != "canvas":
        assert_refused(export(verb, tmp_path / "sheet.csv"), "is not a", verb.capitalize())


def test_nothing_leaves_while_the_class_is_graded_or_before(export, tmp_path: Path) -> None:
    with locked(tmp_path / "ws"):
        for words in (["canvas", tmp_path / "sheet.csv"], ["csv"], ["junit"], ["feedback", "plain"], ["deadlines"]):
            assert_refused(export(*words), "Another grading is running")
    shutil.rmtree(tmp_path / "ws")
    assert_refused(export("csv"), "Grade a class first")
    assert not (tmp_path / "ws").exists()


def test_a_roster_names_teams_and_must_be_one(export, tmp_path: Path) -> None:
    sheet, roster = tmp_path / "sheet.csv", tmp_path / "roster.csv"
    roster.write_text("student,id\ndoejane_1234,1234\ndoejane_1234,1236\n,\nnobody,9\n")
    done = export("canvas", sheet, "--unmarked", "so-far", "--roster", roster)
    assert done.exit_code == 0, done.output
    expected = SHEET.replace(b"jdoe,A,", b"jdoe,A,4").replace(b"mroe,A,", b"mroe,A,3").replace(b"mia,A,", b"mia,A,4")
    assert (tmp_path / "sheet-filled.csv").read_bytes() == expected
    assert "In the roster, handed in nothing (1): nobody" in done.output
    roster.write_text("name,number\na,b\n")
    assert_refused(export("canvas", sheet, "--roster", roster), "has no column id")


def test_a_list_of_the_class_says_who_is_missing(export, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("ID\n1234\n1235\n1236\n")
    for words in (["csv", "--unmarked", "so-far"], ["canvas", tmp_path / "sheet.csv", "--unmarked", "so-far"]):
        done = export(*words, "--roster", tmp_path / "list.csv")
        assert done.exit_code == 0, done.output
        assert "In the roster, handed in nothing (1): 1236" in done.output


def test_a_moodle_worksheet_says_the_times_that_names_do_not(export, tmp_path: Path) -> None:
    (tmp_path / "course" / "deadlines.toml").write_text(DEADLINES.replace("late_mark", "grace"))
    (tmp_path / "ws.csv").write_text(
        "Identifier,Full name,Grade,Maximum grade,Last modified (submission),Last modified (grade)\n"
        'Participant 5,Jane,,6,"Friday, 2 October 2026, 3:59 AM",-\n'
        'Participant 6,Max,,6,"Monday, 5 October 2026, 3:59 AM",-\n'
    )
    (tmp_path / "roster.csv").write_text("student,id\ndoejane_1234,Jane\nroemax_1235,Max\n")
    roster = ("--roster", tmp_path / "roster.csv")

    said = export("deadlines", "--moodle", tmp_path / "ws.csv", *roster).output
    assert next(line.split()[1:3] for line in said.splitlines() if "roemax" in line) == ["2026-10-05", "03:59"]
    done = export("moodle", tmp_path / "ws.csv", "--unmarked", "so-far", *roster)
    assert done.exit_code == 0, done.output
    assert "roemax_1235 (−1.2)" in done.output
    table = export("csv", "--unmarked", "so-far", "--moodle", tmp_path / "ws.csv", *roster)
    assert "roemax_1235 (−1.2)" in table.output


def test_moodles_options_reach_the_sheet(export, tmp_path: Path) -> None:
    (tmp_path / "ws.csv").write_text(
        "Identifier,Full name,Grade,Maximum grade,Last modified (grade),Words\nParticipant 5,Jane,,6,-,\n"
    )
    roster = tmp_path / "roster.csv"
    roster.write_text("student,id\ndoejane_1234,Jane\n")
    words = ("--unmarked", "so-far", "--partial", "--roster", roster, "--comments", "--comments-column", "Words")
    done = export("moodle", tmp_path / "ws.csv", *words)

    assert done.exit_code == 0, done.output
    line = (tmp_path / "ws-filled.csv").read_text().splitlines()[1]
    assert line.startswith("Participant 5,Jane,4,6,-,PROVISIONAL: 4 of 6. mac_ratio: 1 of 1;")


def test_the_help_of_the_group_shows_a_walk() -> None:
    said = CliRunner().invoke(main, ["export", "--help"]).output
    for verb in ("canvas", "moodle", "blackboard", "gradescope", "csv", "junit", "feedback", "deadlines"):
        assert f"  {verb}" in said

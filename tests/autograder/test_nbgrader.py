"""nbgrader on what we write: `nbgrader autograde` gives the same grades, and its other commands open them."""

import contextlib
import csv
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from sample_class import RELEASE
from small_course import ROOT, make_course, settings_for, submission

from autograder.nbgrader_plugins import course_config
from autograder.release import release_text
from autograder.workspace import locked

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent
SCRIPT = "because <script>alert(1)</script> **early**"


def run(course: Path, *words: str) -> str:
    """A command of the environment in the course folder, as an instructor types it."""
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=course, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def failed(course: Path, *words: str) -> str:
    """What a command says that cannot do what it is asked."""
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=course, capture_output=True, text=True, env=environment)
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.fixture(name="course", scope="module")
def _course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a graded class of four."""
    course = make_course(tmp_path_factory.mktemp("nbgrader") / "course")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    released = json.loads(release_text(settings_for(course, course / "grading")))
    handed_in = course.parent / "in"
    handed_in.mkdir()
    (handed_in / "ann.ipynb").write_bytes(submission(released))
    (handed_in / "bob.ipynb").write_bytes(submission(released, mac_ratio="import os\nos._exit(0)"))
    (handed_in / "cem.ipynb").write_bytes(b'{"cells": [')
    wrong = "def mac_ratio(a, b):\n    raise ValueError('<script>alert(2)</script>')"
    (handed_in / "dan.ipynb").write_bytes(submission(released, mac_ratio=wrong, q_why=SCRIPT))
    run(course, "autograder", "grade", str(handed_in), "--seed", "5")
    return course


def grades(course: Path) -> list[tuple]:
    """Every score in the gradebook."""
    query = """select student.id, base_cell.name, grade.auto_score, grade.needs_manual_grade from grade
        join submitted_notebook on grade.notebook_id = submitted_notebook.id
        join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
        join student on submitted_assignment.student_id = student.id
        join base_cell on grade.cell_id = base_cell.id order by 1, 2"""
    with contextlib.closing(sqlite3.connect(course / "grading" / "gradebook.db")) as database:
        return database.execute(query).fetchall()


def results(course: Path) -> dict:
    document = json.loads((course / "grading" / "small" / "results.json").read_text())
    del document["rounds"]  # each grading is one of its own, of its own time
    for entry in document["submissions"]:
        del entry["wall_s"], entry["round"]
    return document


def test_the_gradebook_holds_what_results_json_says(course: Path) -> None:
    book = {(student, cell): score for student, cell, score, _ in grades(course)}

    for entry in results(course)["submissions"]:
        for task, graded in entry["tasks"].items():
            assert book[entry["student"], f"check_{task}"] == graded["score"]


def test_the_gradebook_is_of_the_version_that_nbgrader_itself_would_make(course: Path) -> None:
    theirs = run(course, sys.executable, "-c", "from nbgrader.api import get_alembic_version as v; print(v())")
    with contextlib.closing(sqlite3.connect(course / "grading" / "gradebook.db")) as database:
        assert database.execute("select version_num from alembic_version").fetchall() == [(theirs.strip(),)]


def test_written_answers_wait_for_a_person_unless_nothing_was_written(course: Path) -> None:
    waiting = {student: manual for student, cell, _, manual in grades(course) if cell == "q_why"}

    assert waiting == {"ann": 0, "bob": 0, "cem": 1, "dan": 1}  # what cem handed in breaks off


def test_nbgrader_autograde_gives_the_same_verdicts_and_scores(course: Path) -> None:
    ours, our_book = results(course), grades(course)

    run(course, "nbgrader", "autograde", "small", "--force")

    assert results(course) == ours
    assert grades(course) == our_book


def test_nbgrader_autograde_needs_nothing_but_the_submissions(course: Path, tmp_path: Path) -> None:
    fresh = make_course(tmp_path / "course")
    shutil.copy(ROOT / "nbgrader_config.py", fresh)
    shutil.copytree(course / "grading" / "submitted" / "ann", fresh / "grading" / "submitted" / "ann")

    run(fresh, "nbgrader", "autograde", "small")

    assert [(entry["student"], entry["score"]) for entry in results(fresh)["submissions"]] == [("ann", 4.0)]


def test_the_button_of_formgrader_grades_with_what_is_there_now_and_lets_go(course: Path, tmp_path: Path) -> None:
    """Formgrader calls this in JupyterLab's process, as often as somebody clicks."""
    mine = tmp_path / "course (C++)"  # nbgrader makes patterns of paths
    shutil.copytree(course, mine, ignore=shutil.ignore_patterns("runs"))
    config = course_config(mine)
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    notebook = mine / "solutions" / "small" / "small.ipynb"
    check = mine / "autograder_assignments" / "small" / "checks" / "check_mac_ratio.py"

    def click() -> tuple[float, float]:
        said = api.autograde("small", "ann")
        assert said["success"], said
        assert (mine / "grading" / "autograded" / "ann" / "small" / "small.ipynb").is_file()
        (entry,) = [one for one in results(mine)["submissions"] if one["student"] == "ann"]
        return entry["score"], entry["max_score"]

    first = click()
    document = json.loads(notebook.read_text())
    document["cells"][3]["metadata"]["nbgrader"]["points"] = 2
    notebook.write_text(json.dumps(document))
    with_other_points = click()
    more = '\n\n@worth(1)\ndef check_more(student, key):\n    """More.\n\n    It is more.\n    """\n'
    check.write_text(check.read_text() + more)
    with_another_check = click()
    elsewhere = run(mine, "autograder", "grade", str(course.parent / "in"))

    assert (first, with_other_points) == ((4.0, 4.0), (5.0, 5.0))
    assert with_another_check == (5.0, 5.0)
    assert "More." in (mine / "grading" / "small" / "results.json").read_text()
    assert "ann" in elsewhere


def test_while_another_grading_runs_the_button_says_so_and_removes_nothing(course: Path) -> None:
    config = course_config(course)
    graded = course / "grading" / "autograded" / "ann" / "small" / "small.ipynb"

    with locked(course / "grading"):
        said = NbGraderAPI(CourseDirectory(config=config), config=config).autograde("small", "ann")

    assert not said["success"]
    assert "Another grading is running" in said["log"]
    assert graded.is_file()


def test_late_work_is_told_and_nbgraders_own_penalty_is_an_instructors_choice(course: Path, tmp_path: Path) -> None:
    mine = tmp_path / "course"
    shutil.copytree(course, mine)
    stamp = mine / "grading" / "submitted" / "ann" / "small" / "timestamp.txt"
    stamp.write_text("2026-09-24 21:26:00 UTC\n")
    with Gradebook(f"sqlite:///{mine}/grading/gradebook.db") as book:
        book.update_or_create_assignment("small", duedate="2026-09-24 21:00:00 UTC")
    config = course_config(mine)

    def graded() -> tuple[float, float | None]:
        api = NbGraderAPI(CourseDirectory(config=config), config=config)
        assert api.autograde("small", "ann")["success"]
        with Gradebook(f"sqlite:///{mine}/grading/gradebook.db") as book:
            late = book.find_submission("small", "ann").total_seconds_late
            return late, book.find_submission_notebook("small", "small", "ann").late_submission_penalty

    as_it_comes = graded()
    config.LateSubmissionPlugin.penalty_method = "zero"

    assert as_it_comes == (1560.0, None)
    assert graded() == (1560.0, 4.0)


@contextlib.contextmanager
def marked_by_hand(course: Path, student: str, question: str, points: float, comment: str) -> Iterator[None]:
    """A mark as formgrader sets it, taken back afterwards."""
    with Gradebook(f"sqlite:///{course / 'grading' / 'gradebook.db'}") as book:
        grade = book.find_grade(question, "small", "small", student)
        said = book.find_comment(question, "small", "small", student)
        grade.manual_score, said.manual_comment = points, comment
        book.db.commit()
        yield
        grade.manual_score, said.manual_comment = None, None
        book.db.commit()


def test_feedback_is_the_students_page_with_what_people_gave(course: Path) -> None:
    with marked_by_hand(course, "dan", "q_why", 1.5, "Half <b>of</b> it."):
        run(course, "nbgrader", "generate_feedback", "small", "--force")

    pages = {
        student: (course / "grading" / "feedback" / student / "small" / "small.html").read_text()
        for student in ("ann", "bob", "cem", "dan")
    }
    for page in pages.values():
        assert "http://" not in page and "https://" not in page, "it is read without a network"
        assert "alert(1)</script>" not in page
        assert "alert(2)</script>" not in page
        assert "for graders only" not in page and "Because it is cheaper." not in page
    assert "<strong>early</strong>" in page, "Markdown itself is still rendered"

    assert "not marked yet" in pages["cem"]
    assert "could not be read as a notebook" in pages["cem"]
    assert "No answer to this was found" in pages["ann"]
    assert "<strong>early</strong>" in pages["dan"], "Markdown itself is still rendered"
    assert "1.5 / 2 p" in pages["dan"]
    assert "Half &lt;b&gt;of&lt;/b&gt; it." in pages["dan"]
    assert not re.search(r"\b(ann|bob|cem)\b", pages["dan"])


def test_feedback_without_results_is_refused_in_a_sentence(course: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(course, tmp_path / "course"))
    file = copy / "grading" / "small" / "results.json"
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"submissions": document["submissions"][:1]}))
    words = ("nbgrader", "generate_feedback", "small", "--force")
    assert "have nothing of dan. Grade the submission again" in failed(copy, *words)
    assert (copy / "grading" / "feedback" / "ann" / "small" / "small.html").is_file(), "the others have theirs"

    file.unlink()
    said = failed(copy, *words)
    assert "Grade a class first: autograder grade SUBMISSIONS." in said
    assert "Traceback" not in said


def test_export_lists_the_class(course: Path) -> None:
    run(course, "nbgrader", "export", "--to", "grades.csv")

    with (course / "grades.csv").open() as file:
        totals = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert totals == {entry["student"]: entry["score"] for entry in results(course)["submissions"]}


def test_a_workspace_elsewhere_is_opened_where_it_lies_with_the_courses_settings(course: Path, tmp_path: Path) -> None:
    mine = tmp_path / "course"
    shutil.copytree(course, mine, ignore=shutil.ignore_patterns("grading"))
    with (mine / "nbgrader_config.py").open("a") as config:
        config.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    workspace = tmp_path / "elsewhere"
    run(mine, "autograder", "grade", str(course.parent / "in"), "--workspace", str(workspace))
    (workspace / "submitted" / "ann" / "small" / "timestamp.txt").write_text("2026-09-24 21:26:00 UTC\n")
    with Gradebook(f"sqlite:///{workspace}/gradebook.db") as book:
        book.update_or_create_assignment("small", duedate="2026-09-24 21:00:00 UTC")

    run(workspace, "nbgrader", "autograde", "small", "--student", "ann", "--force")
    run(workspace, "nbgrader", "export", "--to", "grades.csv")

    with (workspace / "grades.csv").open() as file:
        (ann,) = [row for row in csv.DictReader(file) if row["student_id"] == "ann"]
    assert (ann["raw_score"], ann["late_submission_penalty"], ann["score"]) == ("4.0", "4.0", "0.0")
    assert not (mine / "grading").exists()


def test_generate_assignment_gives_the_bytes_of_our_release(course: Path) -> None:
    run(course, "autograder", "release")
    ours = (course / "assignment" / "small" / "small.ipynb").read_bytes()

    run(course, "nbgrader", "generate_assignment", "small", "--force")

    assert (course / "assignment" / "small" / "small.ipynb").read_bytes() == ours


def test_every_assignment_that_nbgrader_lists_has_its_notebook() -> None:
    config = course_config(ROOT)
    listed = NbGraderAPI(CourseDirectory(config=config), config=config).get_source_assignments()

    assert "early_exit" in listed
    assert [name for name in listed if not (ROOT / "solutions" / name / f"{name}.ipynb").is_file()] == []


@pytest.fixture(name="real_course")
def _real_course(tmp_path: Path) -> Path:
    """This course, where nothing was ever released or graded."""
    course = tmp_path / "course"
    (course / "grading").mkdir(parents=True)  # nbgrader makes the gradebook, not the folder for it
    shutil.copytree(ROOT / "solutions", course / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("nbgrader_config.py", "pyproject.toml"):
        shutil.copy(ROOT / name, course)
    (course / "course_lib").symlink_to(ROOT / "course_lib")
    return course


def test_nbgrader_hands_out_the_notebook_and_nothing_else(real_course: Path) -> None:
    run(real_course, "nbgrader", "generate_assignment", "early_exit")

    made = [path for path in (real_course / "assignment").rglob("*") if path.is_file()]
    assert made == [real_course / "assignment" / "early_exit" / "early_exit.ipynb"]
    assert made[0].read_bytes() == RELEASE.read_bytes()


def test_validate_accepts_the_solutions(course: Path) -> None:
    assert "Success" in run(course, "nbgrader", "validate", "solutions/small/small.ipynb")


@contextlib.contextmanager
def jupyter_server(course: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = ["jupyter", "server", "--no-browser", f"--port={port}", "--IdentityProvider.token=t", "--allow-root"]
    log = course.parent / "server.log"
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    with log.open("w") as file:
        server = subprocess.Popen(words, cwd=course, stdout=file, stderr=file, env=environment)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def test_formgrader_opens_the_class(course: Path) -> None:
    with jupyter_server(course) as address:
        for _ in range(120):
            try:
                with urllib.request.urlopen(f"{address}/formgrader/api/submissions/small?token=t") as answer:
                    listed = json.load(answer)
                    break
            except OSError:
                time.sleep(0.5)
        else:
            pytest.fail(
                "the server did not answer within a minute: " + (course.parent / "server.log").read_text()[-2000:]
            )
        with urllib.request.urlopen(f"{address}/formgrader/api/submitted_notebooks/small/small?token=t") as answer:
            notebooks = json.load(answer)
        (dan,) = [one for one in notebooks if one["student"] == "dan"]
        with urllib.request.urlopen(f"{address}/formgrader/submissions/{dan['id']}?token=t") as answer:
            page = answer.read().decode()

    assert {one["student"]: one["score"] for one in listed} == {
        entry["student"]: entry["score"] for entry in results(course)["submissions"]
    }
    assert "Verdict: " in page
    assert "alert(1)</script>" not in page
    assert "for graders only" in page and "Because it is cheaper." in page, "the solutions' own answer"
    assert 'href="#q_why"' in page

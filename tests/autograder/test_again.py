"""Grading a class again: what is unchanged is left alone, what changed is done, and nothing runs twice."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from small_course import ROOT, graded_class, submission

from autograder import boxes as boxes_module
from autograder.config import Settings
from autograder.course import Course
from autograder.errors import UsageError
from autograder.keys import surroundings_key
from autograder.pipeline import Watcher, grade_class
from autograder.records.results_json import load_results
from autograder.records.rounds import results_after, round_numbers
from autograder.results import ClassResults, Grade
from autograder.workspace import open_class

WRONG = "def mac_ratio(a, b):\n    return b / a"


@dataclasses.dataclass
class Class:
    """Three submissions, of which two are the same, graded once; and what was run since."""

    folder: Path
    settings: Settings
    ran: list[str]

    def grade(self, **options: bool) -> tuple[ClassResults, list[Grade]]:
        """Results, and the grades that were not simply kept."""
        self.ran.clear()
        graded: list[Grade] = []
        results = graded_class(self.folder, self.settings, watcher=Watcher(graded=graded.append), **options)
        return results, graded

    def unchanged(self, seed: int | None = None) -> ClassResults | None:
        """The results, where nothing is left to grade."""
        with open_class(self.folder, self.settings, seed) as opened:
            return opened.results if len(opened.unchanged) == len(opened.found) else None


@pytest.fixture(name="graded_once", scope="module")
def _graded_once(prepared: Course, warm: None, tmp_path_factory: pytest.TempPathFactory) -> Class:
    folder = tmp_path_factory.mktemp("again")
    made = Class(folder / "in", dataclasses.replace(prepared.settings, workspace=folder / "ws"), [])
    made.folder.mkdir()
    for name, answers in {"ann": {}, "bob": {"mac_ratio": WRONG}, "cem": {}}.items():
        (made.folder / f"{name}.ipynb").write_bytes(submission(prepared.released, **answers))
    made.grade()
    return made


@pytest.fixture(name="three")
def _three(graded_once: Class, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Class:
    shutil.copytree(graded_once.folder, tmp_path / "in")
    shutil.copytree(graded_once.settings.workspace, tmp_path / "ws")
    made = Class(tmp_path / "in", dataclasses.replace(graded_once.settings, workspace=tmp_path / "ws"), [])
    real = boxes_module.run_notebook

    def noted(rebuilt, *words, **more):  # type: ignore[no-untyped-def]
        made.ran.append(next(cell.source for cell in rebuilt.cells if cell.master.grade_id == "mac_ratio"))
        return real(rebuilt, *words, **more)

    monkeypatch.setattr(boxes_module, "run_notebook", noted)
    return made


def test_equal_notebooks_run_once_and_are_said_to_be_equal(three: Class) -> None:
    results, graded = three.grade(fresh=True)
    by_name = {grade.student: grade for grade in results.grades}

    assert len(three.ran) == 3, "the solutions, bob's, and one for ann and cem"
    assert len(graded) == 3
    assert by_name["ann"].run == by_name["cem"].run != by_name["bob"].run


def test_when_nothing_changed_then_it_is_known_without_a_box_and_grades_stay(three: Class) -> None:
    before = three.unchanged()
    results, graded = three.grade()

    assert before is not None
    assert [grade.score for grade in before.grades] == [4.0, 3.0, 4.0]
    assert (results, graded, three.ran) == (before, [], [])


def test_when_one_file_changes_then_only_that_one_is_graded(three: Class, prepared: Course) -> None:
    (three.folder / "bob.ipynb").write_bytes(submission(prepared.released))
    assert three.unchanged() is None
    results, graded = three.grade()

    assert [grade.student for grade in graded] == ["bob"]
    assert {grade.student: grade.score for grade in results.grades} == {"ann": 4.0, "bob": 4.0, "cem": 4.0}
    assert three.ran == [], "the same cells ran for ann"


def test_when_only_outputs_of_a_file_change_then_it_is_graded_without_a_run(three: Class) -> None:
    notebook = json.loads((three.folder / "bob.ipynb").read_text())
    code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "ran again"}]
    (three.folder / "bob.ipynb").write_text(json.dumps(notebook))
    _, graded = three.grade()

    assert [(grade.student, grade.score) for grade in graded] == [("bob", 3.0)]
    assert three.ran == []


@pytest.mark.parametrize("grade_id", ["check_mac_ratio", pytest.param("mac_ratio", marks=pytest.mark.slow)])
def test_when_a_check_or_an_answer_was_run_again_then_it_is_graded_without_a_run(three: Class, grade_id: str) -> None:
    """Also where it never ran without the outputs that given cells have."""
    file = three.folder / "bob.ipynb"
    changed = json.loads(file.read_text())
    changed["cells"] += [{"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": 1}]
    for outputs_of, runs in (("setup", 1), (grade_id, 0)):
        cell = next(one for one in changed["cells"] if one["metadata"]["nbgrader"]["grade_id"] == outputs_of)
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "ran"}]
        file.write_text(json.dumps(changed))
        three.ran.clear()
        _, graded = three.grade()

        assert [grade.student for grade in graded] == ["bob"]
        assert len(three.ran) == runs


def test_when_outputs_of_a_file_are_gone_then_it_runs_again_for_ours_are_shown_now(three: Class) -> None:
    file = three.folder / "bob.ipynb"
    stripped = json.loads(file.read_text())
    shown = [{"output_type": "stream", "name": "stdout", "text": "mine"}]
    for number, outputs in enumerate((shown, [])):
        changed = json.loads(json.dumps(stripped))
        given = next(cell for cell in changed["cells"] if cell["metadata"]["nbgrader"]["grade_id"] == "setup")
        given["outputs"] = outputs
        changed["cells"] += [{"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": 1}]
        file.write_text(json.dumps(changed))
        _, graded = three.grade()

        assert [grade.student for grade in graded] == ["bob"]
        assert len(three.ran) == 1, f"grading {number}"


def test_when_a_check_changes_then_kept_runs_are_judged_anew_and_no_notebook_runs(three: Class, tmp_path: Path) -> None:
    settings = three.settings
    folder = tmp_path / "small"  # a copy of the assignment, of which one check is changed
    shutil.copytree(settings.assignment.folder, folder)
    (folder / "checks" / "check_mac_ratio.py").write_text(
        "from autograder.judge.check import worth\n\n\n@worth(1)\ndef check_anything(student, key):\n"
        '    """Everything is right."""\n'
    )
    three.settings = dataclasses.replace(settings, assignment=dataclasses.replace(settings.assignment, folder=folder))
    results, graded = three.grade()

    assert len(graded) == 3
    assert {grade.score for grade in results.grades} == {4.0}
    assert three.ran == []


def test_when_a_class_is_done_then_old_runs_that_no_grade_needs_are_gone_and_the_others_are_not(
    three: Class, prepared: Course
) -> None:
    (three.folder / "bob.ipynb").write_bytes(submission(prepared.released))  # as ann's; the first round has bob's own
    (three.settings.workspace / "runs" / "of nobody").mkdir()
    old = time.time() - 30 * 24 * 3600
    for folder in (three.settings.workspace / "runs").iterdir():
        os.utime(folder, (old, old))
    count = len(list((three.settings.workspace / "runs").iterdir()))
    three.grade()
    left = list((three.settings.workspace / "runs").iterdir())
    (three.settings.workspace / "gradebook.db").unlink()
    results, _ = three.grade()

    assert (count, len(left)) == (4, 3), "the solutions' run, and those of two rounds"
    assert [grade.score for grade in results.grades] == [4.0] * 3
    assert three.ran == []


@pytest.mark.parametrize("lost", ["autograded/ann", "gradebook.db"])
def test_when_a_record_is_lost_then_it_is_made_again_without_a_run(three: Class, lost: str) -> None:
    path = three.settings.workspace / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert three.unchanged() is None
    three.grade()

    assert path.exists()
    assert three.ran == []
    assert three.unchanged() is not None


def test_when_the_results_are_lost_then_they_are_made_again_from_the_rounds(three: Class) -> None:
    before = three.unchanged()
    (three.settings.workspace / "small" / "results.json").unlink()

    assert three.unchanged() == before is not None


def test_when_one_is_graded_on_other_hidden_inputs_then_the_others_keep_the_grades_of_their_round(three: Class) -> None:
    before, _ = three.grade()
    (three.folder / "ann.ipynb").unlink()
    (three.folder / "cem.ipynb").unlink()
    results = graded_class(three.folder, three.settings, 77, fresh=False)
    rounds = {grade.student: (grade.round.number, grade.round.seed) for grade in results.grades if grade.round}

    assert results.seed == 77
    assert rounds == {"ann": (1, before.seed), "bob": (2, 77), "cem": (1, before.seed)}
    assert [grade.score for grade in results.grades] == [4.0, 3.0, 4.0]
    assert [grade.round for grade in load_results(three.settings.workspace, "small").grades] == [
        grade.round for grade in results.grades
    ]
    kept = results_after(three.settings.workspace, "small", 1).grades  # marks are the gradebook's, not a round's
    assert kept == tuple(replace(grade, marks=None) for grade in before.grades)


@pytest.mark.slow
def test_when_the_seed_is_the_old_one_again_then_the_grade_of_another_seed_is_not_taken_for_unchanged(
    three: Class,
) -> None:
    seed = three.grade()[0].seed
    graded_class(three.folder, three.settings, 77)

    assert three.unchanged() is not None
    assert three.unchanged(seed) is None
    assert graded_class(three.folder, three.settings, seed).rounds[0].number == 3
    assert three.unchanged() is not None


def test_when_nothing_is_graded_then_there_is_no_new_round(three: Class) -> None:
    three.grade()

    assert round_numbers(three.settings.workspace, "small") == [1]


def test_one_student_is_graded_again_and_the_others_stay_as_they_are(three: Class) -> None:
    before, _ = three.grade()
    (three.folder / "ann.ipynb").write_bytes((three.folder / "bob.ipynb").read_bytes())
    with open_class(three.folder, three.settings, students=["bob"], reason="an appeal") as opened:
        after = grade_class(opened, three.settings, fresh=True)
    ann, bob, cem = after.grades

    assert (ann, cem) == (before.grades[0], before.grades[2])
    assert bob.round and (bob.round.number, bob.round.reason) == (2, "an appeal")
    assert bob.score == 3.0


def test_when_nobody_is_called_so_then_those_with_close_names_are_named(three: Class) -> None:
    for name, told in {"bop": "Did you mean 'bob'\\?", "zzz": "Found there: 'ann', 'bob', 'cem'"}.items():
        told = rf"--student {name!r} fits nobody in .*\. {told}"
        with pytest.raises(UsageError, match=told), open_class(three.folder, three.settings, students=[name]):
            pass


def test_a_student_can_be_named_as_the_platform_does_unless_two_are_called_so(three: Class) -> None:
    folder = three.folder.parent / "moodle"
    for number, name in enumerate(("Ann Lee", "Ann Lee", "Bo Ek"), start=1):
        place = folder / f"{name}_{number}_assignsubmission_file_"
        place.mkdir(parents=True)
        (place / "a.ipynb").write_bytes((three.folder / "ann.ipynb").read_bytes())

    with open_class(folder, three.settings, students=["Bo Ek"]) as opened:
        assert [one.student for one in opened.found] == ["Bo Ek_3"]
    with (
        pytest.raises(UsageError, match=r"fits several in .*Did you mean 'Ann Lee_1', 'Ann Lee_2'\?"),
        open_class(folder, three.settings, students=["Ann Lee"]),
    ):
        pass


@pytest.mark.parametrize("change", ["limits", "environment", "seed"])
def test_when_what_a_run_depends_on_changes_then_it_has_another_key(three: Class, change: str) -> None:
    settings = three.settings
    if change == "limits":
        three.settings = dataclasses.replace(settings, limits=dataclasses.replace(settings.limits, call_s=7.5))
    elif change == "environment":
        assignment = dataclasses.replace(settings.assignment, environment={"COURSE_PROFILE": "quick"})
        three.settings = dataclasses.replace(settings, assignment=assignment)
    before, after = (surroundings_key(one) for one in (settings, three.settings))
    seed = 77 if change == "seed" else None

    assert (before == after) == (change == "seed")
    assert three.unchanged(seed) is None


@pytest.mark.slow
def test_when_the_class_is_unchanged_then_neither_nbgrader_nor_jupyter_is_imported(three: Class) -> None:
    code = (
        "import sys\nfrom autograder.cli import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
        "    heavy = {'torch', 'nbgrader', 'nbclient', 'jupyter_client', 'sqlalchemy', 'pytest'}\n"
        "    print(sorted(heavy & set(sys.modules)))"
    )
    places = ["--course", three.settings.course, "--workspace", three.settings.workspace]
    command = [str(word) for word in (sys.executable, "-c", code, "grade", three.folder, *places)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=environment, capture_output=True)  # its limits are not those of this test's settings
    done = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert "Nothing has changed" in done.stdout, done.stdout + done.stderr
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.slow
def test_when_interrupted_then_it_stops_at_once_and_goes_on_where_it_was(
    prepared: Course, tmp_path: Path, small_course: Path
) -> None:
    handed_in, workspace = tmp_path / "in", tmp_path / "ws"
    handed_in.mkdir()
    (handed_in / "ann.ipynb").write_bytes(submission(prepared.released, mac_ratio=WRONG))
    for name in ("bob", "cem"):
        sleeps = f"import time\ntime.sleep(600)  # {name}"
        (handed_in / f"{name}.ipynb").write_bytes(submission(prepared.released, mac_ratio=sleeps))
    words = [sys.executable, "-c", "from autograder.cli import main; main()", "grade", handed_in]
    command = [str(word) for word in (*words, "--course", small_course, "--workspace", workspace, "--jobs", 2)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as grader:
        assert grader.stdout is not None
        for line in grader.stdout:
            if "ann" in line:
                break
        time.sleep(1)
        begin = time.monotonic()
        grader.send_signal(signal.SIGINT)
        said = grader.stdout.read()
    took = time.monotonic() - begin

    assert grader.returncode == 1
    assert "stopped. What was graded so far is recorded" in said
    assert "Traceback" not in said
    assert took < 30, "it does not wait for the boxes"
    results = json.loads((workspace / "small" / "results.json").read_text())
    assert [entry["student"] for entry in results["submissions"]] == ["ann"]


@pytest.mark.parametrize("name", ["small", "other"])
def test_results_of_the_layout_before_are_taken_over_where_they_are_of_this_assignment(three: Class, name: str) -> None:
    workspace = three.settings.workspace
    document = json.loads((workspace / "small" / "results.json").read_text())
    (workspace / "results.json").write_text(json.dumps(document | {"assignment": name}))
    (workspace / "seed").write_bytes((workspace / "small" / "seed").read_bytes())
    shutil.rmtree(workspace / "small")
    with open_class(three.folder, three.settings) as opened:
        kept = [grade.student for grade in opened.results.grades]

    assert kept == (["ann", "bob", "cem"] if name == "small" else [])
    assert (workspace / "results.json").exists() == (name == "other")

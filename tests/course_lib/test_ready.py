"""Whether a notebook can be handed in: told from the saved file, and from the notebook that runs."""

import copy
import json
import os
import subprocess
import sys

import pytest
from in_process import namespace
from sample_class import RELEASE, ROOT, SOLUTION, nbgrader

from course_lib import ready, selfcheck


@pytest.fixture(name="written")
def _written(tmp_path):
    """Writes the release, or the solutions, with changed cells; gives what is read."""

    def write(changes=(), base=RELEASE):
        notebook = json.loads(base.read_text(encoding="utf-8"))
        cells = {nbgrader(cell)["grade_id"]: cell for cell in notebook["cells"]}
        for grade_id, source in dict(changes).items():
            cells[grade_id]["source"] = source
        path = tmp_path / "early_exit.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return path

    return write


def told(parts):
    return {part.name: (part.says, part.done) for part in parts}


def test_when_nothing_is_filled_in_then_every_task_and_question_says_what_to_do(written):
    notebook = ready.read(written())

    assert [part.points for part in notebook.tasks] == [2, 3, 3, 2, 5, 1, 3, 4, 4]
    assert all(says.startswith("to do: ") and not done for says, done in told(notebook.tasks).values())
    assert told(notebook.tasks)["mac_ratio"] == ("to do: ratio = ... is still there", False)
    assert set(told(notebook.questions).values()) == {("no answer yet", False)}
    assert not any("changed" in warning for warning in notebook.warnings)


def test_when_the_solutions_are_read_then_all_look_right(written):
    notebook = ready.read(written(base=SOLUTION))

    assert set(told(notebook.tasks).values()) == {("looks right", True)}
    assert all(part.done for part in notebook.questions)
    assert notebook.warnings == () and notebook.not_run == ""
    assert "9 of 9 tasks look right (27 of 27 points)" in ready.summary(notebook)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def mac_ratio(a, b):\n    return (a / b", "Python cannot read its cell: look at line 2"),
        ("x = 1", "not found: no cell defines mac_ratio"),
        (
            "%time 1\ndef mac_ratio(a, b):\n    ratio = ...\n    ratio = a / b\n    return ratio",
            "its self-check was not run",
        ),
    ],
)
def test_when_a_cell_is_no_answer_then_its_task_says_why(written, source, says):
    assert told(ready.read(written({"mac_ratio": source})).tasks)["mac_ratio"] == (says, False)


def test_when_a_given_cell_was_changed_or_a_picture_pasted_then_a_sentence_says_what_is_left_out(written):
    changes = {"load-data": "splits = None", "q_when": "**Question (3 points).** When?\n\n![it](attachment:it.png)"}
    notebook = ready.read(written(changes))
    changed, picture = notebook.warnings

    assert changed.startswith("Given cells that you changed: load-data. They are graded as they were given")
    assert picture.startswith("A picture in a text cell is left out")
    assert notebook.not_run.endswith("code cells were not run before the notebook was saved.")
    assert notebook.not_run in ready.summary(notebook)
    assert notebook.not_run not in ready.summary(notebook, {"mac_ratio": "looks right"})


def test_when_metadata_were_lost_then_tasks_are_still_found(tmp_path):
    notebook = json.loads(SOLUTION.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")

    read = ready.read(path)
    assert [part.done for part in read.tasks] == [True] * 9
    assert "9 of 9 tasks look right\n" in ready.summary(read)  # no word of points


def test_when_the_file_is_an_untouched_copy_of_what_runs_then_its_questions_are_not_shown():
    said = ready.summary(ready.read(RELEASE), {"mac_ratio": "looks right"})

    assert "early_exit.ipynb in this folder is not what runs here, or was not saved since" in said
    assert "q_baseline" not in said
    assert "Hand in the notebook. On Colab and Kaggle that is what File > Download gives." in said
    assert "q_baseline" in ready.summary(ready.read(RELEASE), {"mac_ratio": "not yet"})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no complete notebook"),
        (b'{"cells": [', "is no complete notebook: its JSON is damaged. Save it again in Jupyter."),
        (b"\xff\xfe{", "is no complete notebook"),
        (b"[" * 200_000, "is no complete notebook"),
        (b'{"worksheets": []}', "is no notebook of format 4"),
        (b'{"cells": [1]}', "is no notebook of format 4"),
        (b'{"cells": [' + b"{}," * 2_000 + b"{}]}", "has 2,001 cells; at most 2,000 are read"),
        (b'{"cells": [{"cell_type": "code", "source": "1"}]}', "holds none of the lesson's self-checks"),
    ],
)
def test_when_the_file_is_no_such_notebook_then_one_sentence_says_why(tmp_path, content, says):
    path = tmp_path / "early_exit.ipynb"
    path.write_bytes(content)
    with pytest.raises(ready.NotReady, match=r"\Aearly_exit.ipynb ") as caught:
        ready.read(path)
    assert says in str(caught.value)


def test_when_the_file_is_missing_or_huge_then_one_sentence_says_so(tmp_path):
    with pytest.raises(ready.NotReady, match=r"cannot be read: No such file.* Name the notebook that you saved\."):
        ready.read(tmp_path / "nothing.ipynb")
    with (tmp_path / "huge.ipynb").open("wb") as file:
        os.truncate(file.fileno(), ready.MAX_BYTES + 1)
    with pytest.raises(ready.NotReady, match=r"huge.ipynb has 64 MB; at most 64 are read"):
        ready.read(tmp_path / "huge.ipynb")


def test_when_many_cells_were_added_then_a_sentence_says_how_many_are_shown(tmp_path):
    notebook = json.loads(RELEASE.read_text(encoding="utf-8"))
    extra = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": [], "execution_count": 1}
    notebook["cells"] += [copy.deepcopy(extra) for _ in range(201)]
    path = tmp_path / "early_exit.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert any(w.startswith("You added 201 cells with 201 characters.") for w in ready.read(path).warnings)


def test_the_command_line_tells_by_its_exit_code_and_does_not_load_torch(written, tmp_path):
    def run(*arguments):
        code = (
            "import sys, runpy\nsys.argv = ['ready', *sys.argv[1:]]\ntry:\n"
            " runpy.run_module('course_lib.ready', run_name='__main__')\nfinally:\n assert 'torch' not in sys.modules"
        )
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert done.stderr == ""
        return done.returncode, done.stdout

    assert run() == (2, "Name the notebook that you want to hand in: python -m course_lib.ready early_exit.ipynb\n")
    assert run(str(tmp_path / "no.ipynb"))[0] == 1
    code, said = run(str(written()))
    assert code == 1 and "0 of 9 tasks look right (0 of 27 points)" in said
    code, said = run(str(written(base=SOLUTION)))
    assert code == 0 and said.endswith("Grading looks at more inputs than the self-checks do.\n")


def test_when_the_notebook_runs_then_overview_asks_the_self_checks_again(written, monkeypatch, capsys):
    wrong = "def mac_ratio(a, b):\n    print('noise')\n    return b / a\n"
    main = sys.modules["__main__"]
    for task, function in namespace(mac_ratio=wrong).items():
        if task in ("mac_ratio", "baseline_step"):
            monkeypatch.setattr(main, task, function, raising=False)
    monkeypatch.chdir(written().parent)
    selfcheck.overview()
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "1 of 9 tasks look right (2 of 27 points)"
    assert (
        "  mac_ratio                1 point   not yet: upside down: above 1 means that early exit computed less"
        in lines
    )
    assert "  choose_tolerance         3 points  not defined yet" in lines
    assert "So written answers are not shown. Save, then run this cell again." in lines


def test_when_the_notebooks_file_is_not_found_then_overview_still_tells_of_the_tasks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    selfcheck.overview()
    said = capsys.readouterr().out
    assert said.startswith("0 of 9 tasks look right\n") and "file was not found from here" in said
    (tmp_path / "early_exit.ipynb").write_text("{")
    selfcheck.overview()
    assert "is no complete notebook" in capsys.readouterr().out


def test_when_jupyter_or_vs_code_names_the_file_then_it_is_taken(tmp_path, monkeypatch):
    for name in ("a.ipynb", "b.ipynb"):
        (tmp_path / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert ready.here({}) is None
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "b.ipynb"))
    assert ready.here({}) == tmp_path / "b.ipynb"
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert ready.here({"__vsc_ipynb_file__": str(tmp_path / "a.ipynb")}) == tmp_path / "a.ipynb"

"""The corpus and its sample: every case is well formed and builds, and the damage is the damage it says."""

import ast
import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import sample_class
from sample_class import (
    RELEASE,
    SOLUTION,
    build_case,
    build_class,
    case_folders,
    check_cells,
    differences,
    nbgrader,
    read_case,
    sample_folders,
    shown_outputs,
    solution_cells,
)

from autograder.results import Verdict

CASES = [folder.name for folder in case_folders()]
REQUIRED = {"description": str, "base": str, "verdict": str, "score": float}
OPTIONAL = {
    "damage": list,
    "file": str,
    "tasks": dict,
    "notes": list,
    "shows": list,
    "hides": list,
    "sample": bool,
}
# The cases that have a cell without its function: it ends the kernel, or hopes to find the function somewhere.
WITHOUT_FUNCTION = {"os_exit", "cheat_installed_package"}


def cell(grade_id: str, source: str, **marks: Any) -> dict[str, Any]:
    meta = {"grade_id": grade_id, "grade": False, "solution": False, "locked": True} | marks
    return {
        "cell_type": "code",
        "id": grade_id.replace("_", "-"),
        "metadata": {"nbgrader": meta},
        "source": source,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "old"}],
        "execution_count": 3,
    }


def notebook(answer: str) -> dict[str, Any]:
    """A course of one task and its self-check."""
    cells = [
        cell("double", answer, solution=True, locked=False),
        cell("check_double", "check(double)", grade=True, points=2),
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


STUB = "def double(x):\n    # TODO: twice x\n    y = ...\n    return y"
ANSWER = STUB.replace("    return", "    ### BEGIN SOLUTION\n    y = 2 * x\n    ### END SOLUTION\n    return")


@pytest.fixture(name="course", scope="module")
def _course() -> tuple[dict[str, Any], dict[str, Any]]:
    """The real solutions notebook and the real release."""
    return json.loads(SOLUTION.read_text()), json.loads(RELEASE.read_text())


def make_case(folder: Path, toml: str = "", **answers: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "case.toml").write_text(toml or 'base = "solution"\n')
    for grade_id, source in answers.items():
        (folder / f"{grade_id}.py").write_text(source)
    return folder


def build(folder: Path) -> dict[str, Any]:
    return json.loads(build_case(folder, notebook(ANSWER), notebook(STUB)))


# --- the cases ---


@pytest.mark.parametrize("name", CASES)
def test_every_case_says_what_is_wrong_and_what_it_should_get(name: str, course):
    case = read_case(sample_class.SUBMISSIONS / name)
    points = {
        nbgrader(cell)["grade_id"].removeprefix("check_"): nbgrader(cell)["points"] for cell in check_cells(course[0])
    }

    assert case.keys() >= REQUIRED.keys()
    for key, value in case.items():
        assert isinstance(value, (REQUIRED | OPTIONAL)[key]), key
    assert case["description"]
    assert case["base"] in ("solution", "release")
    assert case["verdict"] in set(Verdict)
    tasks = case.get("tasks", {})
    assert tasks.keys() <= points.keys() | {"*"}
    wanted = {task: tasks.get(task, tasks.get("*", most)) for task, most in points.items()}
    assert all(0 <= wanted[task] <= most for task, most in points.items())
    assert math.isclose(case["score"], sum(wanted.values()))


@pytest.mark.parametrize("name", CASES)
def test_every_case_builds_and_its_code_cells_are_python(name: str, course):
    folder = sample_class.SUBMISSIONS / name
    content = build_case(folder, *course)

    damages = read_case(folder).get("damage", [])
    if any(damage in sample_class.FILE_DAMAGE for damage in damages) or "write_as_format_3" in damages:
        return
    for cell in json.loads(content)["cells"]:
        if cell["cell_type"] == "code":
            ast.parse(cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]))
            assert cell["outputs"] == [] or damages


@pytest.mark.parametrize("name", CASES)
def test_every_student_file_is_an_added_cell_or_replaces_one_and_defines_its_function(name: str, course):
    for file in (sample_class.SUBMISSIONS / name).glob("*.py"):
        tree = ast.parse(file.read_text())
        if file.stem in ("_top", "_end"):
            continue
        assert file.stem in solution_cells(course[1])
        defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert file.stem in defined or name in WITHOUT_FUNCTION


def test_every_automatic_task_has_a_wrong_case(course):
    for cell in check_cells(course[0]):
        task = nbgrader(cell)["grade_id"].removeprefix("check_")
        assert f"wrong_{task}" in CASES
        assert task in read_case(sample_class.SUBMISSIONS / f"wrong_{task}")["tasks"]


def test_every_solution_cell_of_the_solution_case_is_filled_in(course):
    built = json.loads(build_case(sample_class.SUBMISSIONS / "solution", *course))

    for grade_id, cell in solution_cells(built).items():
        assert "SOLUTION" not in cell["source"], grade_id
        if cell["cell_type"] == "code":
            assert not any(line.endswith("= ...") for line in cell["source"].splitlines()), grade_id


def test_the_sample_is_a_flat_folder_and_comes_out_the_same_each_time(tmp_path: Path):
    build_class(tmp_path / "once", sample_folders())
    build_class(tmp_path / "again", sample_folders())

    names = [f"{folder.name}.ipynb" for folder in sample_folders()]
    assert sorted(file.name for file in (tmp_path / "once").iterdir()) == names
    for name in names:
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_corpus_is_large_and_its_sample_shows_every_verdict_that_a_submission_can_earn():
    assert len(CASES) >= 80
    assert 15 <= len(sample_folders()) <= 23
    shown = {read_case(folder)["verdict"] for folder in sample_folders()}
    assert shown >= set(Verdict) - {Verdict.GRADER_ERROR, Verdict.OUTPUT_LIMIT}


@pytest.mark.parametrize(
    ("file", "place"), [("", "case.ipynb"), ('file = "ann/early_exit/x (1).ipynb"', "ann/early_exit/x (1).ipynb")]
)
def test_a_case_says_where_its_file_lies(tmp_path: Path, file: str, place: str):
    build_class(tmp_path / "class", [make_case(tmp_path / "case", f'base = "release"\n{file}\n')])

    assert [found for found in (tmp_path / "class").rglob("*") if found.is_file()] == [tmp_path / "class" / place]


# --- how a case is built ---


def test_a_student_who_has_the_solution_hands_in_neither_markers_nor_stubs(tmp_path: Path):
    source = build(make_case(tmp_path))["cells"][0]["source"]

    assert source == "def double(x):\n    # TODO: twice x\n    y = 2 * x\n    return y"


def test_a_student_who_did_nothing_hands_in_the_release(tmp_path: Path):
    built = build(make_case(tmp_path, 'base = "release"'))

    assert [cell["source"] for cell in built["cells"]] == [STUB, "check(double)"]


def test_a_file_replaces_the_solution_cell_of_its_name(tmp_path: Path):
    built = build(make_case(tmp_path, double="double = abs\n"))

    assert built["cells"][0]["source"] == "double = abs"


def test_added_cells_stand_at_the_top_and_at_the_end(tmp_path: Path):
    built = build(make_case(tmp_path, _top="first = 1\n", _end="last = 1\n"))

    assert [cell["source"] for cell in (built["cells"][0], built["cells"][-1])] == ["first = 1", "last = 1"]
    assert len({cell["id"] for cell in built["cells"]}) == 4


def test_no_output_of_the_course_is_handed_in(tmp_path: Path):
    built = build(make_case(tmp_path))

    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in built["cells"])


@pytest.mark.parametrize("damage", sample_class.NOTEBOOK_DAMAGE)
def test_no_damage_reaches_the_course_and_none_leaves_the_notebook_as_it_was(tmp_path: Path, course, damage: str):
    before = copy.deepcopy(course)
    whole = build_case(make_case(tmp_path), *course)
    toml = f'base = "solution"\ndamage = ["{damage}"]'
    answer = "def mac_ratio(a, b):\n    return a\n# %%\nb = 1\n"  # something for a split to part
    split = build_case(make_case(tmp_path, toml, mac_ratio=answer), *course)

    assert split != whole
    assert course == before


def test_a_source_that_is_a_list_of_lines_is_read_as_one_text(tmp_path: Path):
    solution_nb = notebook(ANSWER)
    solution_nb["cells"][0]["source"] = ANSWER.splitlines(keepends=True)

    as_lines = build_case(make_case(tmp_path), solution_nb, notebook(STUB))
    assert as_lines == build_case(tmp_path, notebook(ANSWER), notebook(STUB))


@pytest.mark.parametrize(
    ("toml", "answers", "message"),
    [
        ('base = "blank"', {}, "base must be solution or release, not 'blank'"),
        ('base = "release"\ndamage = ["burn"]', {}, "no damage is called 'burn'; known are strip_metadata"),
        ('base = "release"', {"triple": "pass"}, "no solution cell 'triple'; it has double"),
    ],
)
def test_when_a_case_names_what_does_not_exist_then_the_error_says_so(tmp_path, toml, answers, message):
    with pytest.raises(ValueError, match=message):
        build(make_case(tmp_path, toml, **answers))


# --- the damage ---


def damaged(tmp_path: Path, name: str) -> dict[str, Any]:
    return build(make_case(tmp_path, f'base = "solution"\ndamage = ["{name}"]'))


def test_stripping_leaves_no_metadata_and_no_id(tmp_path: Path):
    built = damaged(tmp_path, "strip_metadata")

    assert built["nbformat_minor"] == 0
    assert all(cell["metadata"] == {} and "id" not in cell for cell in built["cells"])


def test_duplicating_repeats_solution_cells_only_and_keeps_their_ids(tmp_path: Path):
    first, second, check = damaged(tmp_path, "duplicate_solution_cells")["cells"]

    assert first == second
    assert check["id"] == "check-double"


def test_emptying_the_checks_leaves_the_answers(tmp_path: Path):
    answer, check = damaged(tmp_path, "empty_check_cells")["cells"]

    assert check["source"] == "pass"
    assert "2 * x" in answer["source"]


def test_the_tag_is_on_the_checks_only(tmp_path: Path):
    answer, check = damaged(tmp_path, "skip_check_cells")["cells"]

    assert check["metadata"]["tags"] == ["skip-execution"]
    assert "tags" not in answer["metadata"]


def test_damage_to_the_file_cuts_it_in_the_middle_or_empties_it(tmp_path: Path):
    whole = build_case(make_case(tmp_path), notebook(ANSWER), notebook(STUB))
    for name, length in (("truncate", len(whole) // 2), ("leave_nothing", 0)):
        folder = make_case(tmp_path, f'base = "solution"\ndamage = ["{name}"]')

        assert build_case(folder, notebook(ANSWER), notebook(STUB)) == whole[:length]


def test_a_split_keeps_the_metadata_and_gives_the_second_part_an_id_of_its_own(tmp_path: Path):
    toml = 'base = "solution"\ndamage = ["split_at_marks"]'
    first, second, check = build(make_case(tmp_path, toml, double="a = 1\n# %%\ndouble = abs\n"))["cells"]

    assert (first["source"], second["source"]) == ("a = 1\n", "double = abs")
    assert first["metadata"] == second["metadata"]
    assert len({first["id"], second["id"], check["id"]}) == 3


# --- the comparison ---


@pytest.fixture(name="graded")
def _graded(tmp_path: Path) -> tuple[Path, Path]:
    """A workspace with one graded case, and the case."""
    toml = (
        'base = "release"\nverdict = "OK"\nscore = 2.0\nnotes = ["was kept"]\nshows = ["tried"]\nhides = ["<b>"]\n'
        '[tasks]\n"*" = 0.0\ndouble = 2.0\n'
    )
    case = make_case(tmp_path / "case", toml)
    scores = {"double": {"score": 2.0, "max_score": 2.0}, "half": {"score": 0.0, "max_score": 1.0}}
    entry = {"student": "case", "verdict": "OK", "score": 2.0, "tasks": scores, "notes": ["a cell was kept"]}
    (tmp_path / "early_exit").mkdir()
    (tmp_path / "early_exit" / "results.json").write_text(json.dumps({"submissions": [entry]}))
    folder = tmp_path / "autograded" / "case" / "early_exit"
    folder.mkdir(parents=True)
    outputs = [{"output_type": "stream", "name": "stdout", "text": ["it was ", "tried"]}]
    (folder / "early_exit.ipynb").write_text(json.dumps({"cells": [{"source": "<b>", "outputs": outputs}]}))
    return tmp_path, case


def test_a_grade_as_the_case_says_makes_no_difference(graded: tuple[Path, Path]):
    workspace, case = graded

    assert differences(workspace, [case]) == []
    assert "it was tried" in shown_outputs(workspace, "case")


@pytest.mark.parametrize(
    ("says", "instead", "sentence"),
    [
        ('verdict = "OK"', 'verdict = "TIMEOUT"', "expected verdict TIMEOUT, found OK"),
        ("double = 2.0", "double = 1.0", "expected 1.0 for double, found 2.0"),
        ('"*" = 0.0\n', "", "expected 1.0 for half, found 0.0"),
        ("was kept", "was lost", "expected a note with 'was lost'"),
        ('shows = ["tried"]', 'shows = ["found"]', "expected an output with 'found'"),
        ('hides = ["<b>"]', 'hides = ["tried"]', "expected no output with 'tried'"),
    ],
)
def test_every_difference_is_told(graded: tuple[Path, Path], says: str, instead: str, sentence: str):
    workspace, case = graded
    toml = (case / "case.toml").read_text()
    assert says in toml
    (case / "case.toml").write_text(toml.replace(says, instead))

    (found,) = differences(workspace, [case])
    assert sentence in found


def test_a_case_that_was_not_graded_is_told(graded: tuple[Path, Path], tmp_path: Path):
    assert differences(graded[0], [make_case(tmp_path / "another")]) == ["another: not graded"]

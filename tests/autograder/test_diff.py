"""``autograder diff``: two gradings of a workspace, by real gradings of a real class."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small_course import graded_class, make_course, settings_for, submission

from autograder.assignments.assignment import IN_A_COURSE
from autograder.cli import main
from autograder.course import Course

WRONG = "def mac_ratio(a, b):\n    return b / a"
LENIENT = (
    "from autograder.judge.check import worth\n\n\n@worth(1)\ndef check_ratio(student, key):\n"
    '    """The ratio is the first total over the second."""\n    student.values("two_totals")\n'
)


@pytest.fixture(name="rounds", scope="module")
def _rounds(prepared: Course, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A course and a workspace with three rounds: a class, the same by other checks, one student on another seed."""
    folder = tmp_path_factory.mktemp("diff")
    settings = settings_for(make_course(folder / "course"), folder / "ws")
    (folder / "in").mkdir()
    for name, answers in {"ann": {}, "bob": {"mac_ratio": WRONG}, "<b>cem": {"mac_ratio": WRONG}}.items():
        (folder / "in" / f"{name}.ipynb").write_bytes(submission(prepared.released, **answers))
    graded_class(folder / "in", settings, 5)
    (folder / "course" / IN_A_COURSE / "small" / "checks" / "check_mac_ratio.py").write_text(LENIENT)
    graded_class(folder / "in", settings, 5)
    shutil.copytree(
        folder / "in", folder / "one", ignore=lambda _, names: [name for name in names if "ann" not in name]
    )
    graded_class(folder / "one", settings, 6)
    return folder / "course", folder / "ws"


def diff(rounds: tuple[Path, Path], *words: object) -> Result:
    course, workspace = rounds
    options = ("--course", course, "--workspace", workspace)
    return CliRunner().invoke(main, [str(word) for word in ("diff", *words, *options)], terminal_width=200)


def page(rounds: tuple[Path, Path]) -> str:
    return (rounds[1] / "small" / "diff.html").read_text()


@pytest.mark.parametrize("words", [("1", "2"), ("1",), ("seed:5", "seed:6"), ("1", "seed:5")])
def test_who_changed_and_why(rounds: tuple[Path, Path], words: tuple[str, ...]) -> None:
    done = diff(rounds, *words)
    said = " ".join(done.output.split())

    assert done.exit_code == 1, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    if words[0] == "seed:5":
        assert "2 of 3 students changed" in said and "no longer there" in page(rounds)
    else:
        assert "2 of 3 students changed" in said
        assert "the checks changed" in page(rounds) and "mac_ratio 0 → 1" in page(rounds)
    assert "&lt;b&gt;cem" in page(rounds) or "_b_cem" in page(rounds)
    assert "<b>" not in page(rounds)


def test_without_words_the_two_newest_rounds_are_compared(rounds: tuple[Path, Path]) -> None:
    done = diff(rounds)

    assert done.exit_code == 0
    assert "Before: round 2," in done.output and "After: round 3," in done.output
    assert "Nobody's verdict, points or checks differ." in done.output
    assert "2 kept from an earlier round (another seed):" in done.output


def test_workspaces_and_files_can_be_compared(rounds: tuple[Path, Path]) -> None:
    workspace = rounds[1]
    first = workspace / "small" / "rounds" / "0001.json"

    assert diff(rounds, first, workspace).exit_code == 1
    assert diff(rounds, workspace, workspace / "small" / "results.json").exit_code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("9",), "There is no round 9 of small"),
        (("seed:4", "1"), "has the seed 4. Kept there: 5, 6."),
        (("nowhere", "1"), "'nowhere' names no grading. Expected the number of a round, seed:NUMBER, a workspace"),
        (("1", "/"), "/ holds no results of small."),
    ],
)
def test_what_names_no_grading_is_told(rounds: tuple[Path, Path], words: tuple[str, ...], told: str) -> None:
    done = diff(rounds, *words)

    assert done.exit_code == 2
    assert told in done.output


def test_results_of_another_assignment_are_refused(rounds: tuple[Path, Path], tmp_path: Path) -> None:
    document = json.loads((rounds[1] / "small" / "results.json").read_text())
    (tmp_path / "other.json").write_text(json.dumps(document | {"assignment": "other"}))
    done = diff(rounds, tmp_path / "other.json", "1")

    assert (done.exit_code, "holds results of 'other', not of 'small'" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("kept", "words", "told"), [(1, (), "keeps 1 round of small; expected two"), (0, ("1",), "keeps no round of small")]
)
def test_when_there_are_too_few_rounds_then_it_says_so(
    rounds: tuple[Path, Path], tmp_path: Path, kept: int, words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "small" / "rounds").mkdir(parents=True)
    for number in range(1, kept + 1):
        shutil.copy(rounds[1] / "small" / "rounds" / f"{number:04d}.json", tmp_path / "small" / "rounds")
    done = diff((rounds[0], tmp_path), *words)

    assert done.exit_code == 2
    assert told in done.output


def test_a_grading_says_whose_points_changed_and_why_and_can_be_of_one_student(
    prepared: Course, tmp_path: Path
) -> None:
    course = make_course(tmp_path / "course")
    (tmp_path / "in").mkdir()
    for name, answers in {"ann": {}, "bob": {"mac_ratio": WRONG}}.items():
        (tmp_path / "in" / f"{name}.ipynb").write_bytes(submission(prepared.released, **answers))
    options = ("--course", course, "--workspace", tmp_path / "ws", "--jobs", 2)

    def grade(*words: object) -> str:
        done = CliRunner().invoke(main, [str(word) for word in ("grade", tmp_path / "in", *words, *options)])
        assert done.exit_code == 0, done.output
        return done.output

    first = grade()
    before = json.loads((tmp_path / "ws" / "small" / "results.json").read_text())["submissions"]
    (course / IN_A_COURSE / "small" / "checks" / "check_mac_ratio.py").write_text(LENIENT)
    second = grade("--student", "bob", "--reason", "an appeal")
    document = json.loads((tmp_path / "ws" / "small" / "results.json").read_text())

    assert "changed" not in first and "earlier round" not in first
    assert "1 changed: bob 3 -> 4 (the checks changed)" in second
    assert "1 kept from an earlier round (the checks changed): ann" in second
    assert "small: 1 submission\n" in second
    assert document["submissions"][0] == before[0]
    assert [(one["round"], one["score"]) for one in document["submissions"]] == [(1, 4.0), (2, 4.0)]
    assert [one["reason"] for one in document["rounds"]] == ["", "an appeal"]

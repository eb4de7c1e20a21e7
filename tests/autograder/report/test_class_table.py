"""What the terminal shows of a graded class."""

from pathlib import Path

import pytest

from autograder.marks import Mark, Marks
from autograder.report.class_table import show_class
from autograder.report.terminal import Terminal
from autograder.results import ClassResults, Grade, NotRecognised, Verdict


def test_a_verdict_that_a_busy_machine_can_bring_about_comes_with_the_way_to_try_again(
    capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    grades = (Grade("ann", Verdict.OK), Grade("bob", Verdict.TIMEOUT), Grade("cem", Verdict.OUTPUT_LIMIT))
    show_class(Terminal(), ClassResults("early_exit", 1, "box", grades), tmp_path / "report" / "index.html")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "--fresh" in line]

    assert "bob" in line
    assert "ann" not in line and "cem" not in line


def test_what_is_nobodys_is_listed(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    unknown = (NotRecognised("roster.csv", "a table"), NotRecognised("a\x1b[2Kb\udcff", "a link"))
    show_class(Terminal(), ClassResults("small", 1, "box", (), unknown), tmp_path / "report" / "index.html")
    said = capsys.readouterr().out

    assert "Not graded, because it cannot be told whose it is (2):\n  roster.csv: a table\n  a?[2Kb?: a link\n" in said


def test_a_name_in_the_table_moves_no_cursor(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    grades = (Grade("a\x1b[2Kb[red]", Verdict.OK),)
    show_class(Terminal(), ClassResults("small", 1, "box", grades), tmp_path / "report" / "index.html")

    assert "│ a?[2Kb[red] │" in capsys.readouterr().out


@pytest.mark.parametrize(("columns", "shown"), [("100", True), ("40", False)])
def test_a_narrow_terminal_gets_what_matters(
    columns: str, shown: bool, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    show_class(
        Terminal(), ClassResults("small", 1, "box", (Grade("ann", Verdict.OK),)), tmp_path / "report" / "index.html"
    )
    said = capsys.readouterr().out

    assert "ann" in said and "automatic" in said
    assert ("notes" in said) is shown


WAITS, DONE = Mark("q_why", True, 2.0, waits=True), Mark("q_why", True, 2.0, by_hand=1.0)
CHANGED = Mark("q_why", True, 2.0, by_hand=1.0, waits=True)
OVERRIDDEN = Mark("mac_ratio", False, 1.0, automatic=0.0, by_hand=1.0)


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ([WAITS, DONE], ["1 answer of 1 student waits for you. To mark them:"]),
        ([WAITS, WAITS], ["2 answers of 2 students wait for you. To mark them:"]),
        ([DONE], ["No written answer waits for you."]),
        (
            [CHANGED],
            [
                "Marked by hand, and changed since: s0 (q_why)",
                "1 answer of 1 student waits for you. To mark them:",
            ],
        ),
        ([OVERRIDDEN], ["By hand: s0: mac_ratio 1 (the checks gave mac_ratio 0)"]),
        ([], []),
    ],
)
def test_what_people_marked_and_what_waits_is_told(
    marks: list[Mark], said: list[str], capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    grades = tuple(Grade(f"s{n}", Verdict.OK, marks=Marks(f"s{n}", (mark,))) for n, mark in enumerate(marks))
    show_class(Terminal(), ClassResults("small", 1, "box", grades), tmp_path / "report" / "index.html")
    lines = capsys.readouterr().out.splitlines()

    assert [line for line in lines if "hand" in line or "wait" in line] == said


def test_what_we_failed_to_grade_waits_for_us(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    ann = Grade("ann", Verdict.GRADER_ERROR, marks=Marks("ann", (WAITS, Mark("mac_ratio", False, 1.0, waits=True))))
    show_class(Terminal(), ClassResults("small", 1, "box", (ann,)), tmp_path / "report" / "index.html")

    assert "No written answer waits for you." in capsys.readouterr().out


def test_a_class_that_was_given_another_release_is_told_of_once(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    grades = [Grade(student, Verdict.OK, other_release=("title", "setup")) for student in ("ann", "bob")]
    results = ClassResults("small", 1, "box", (*grades, Grade("cem", Verdict.OK)))
    show_class(Terminal(), results, tmp_path / "report" / "index.html")
    said = capsys.readouterr().out

    told = "Made from another release of the notebook: 2 of 3 submissions. 2 given cells differ there: title, setup."
    assert said.count("another release") == said.count(told) == 1

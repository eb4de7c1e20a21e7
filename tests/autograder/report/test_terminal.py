"""What the terminal shows of a class, whatever the students' names and messages hold."""

from pathlib import Path

import pytest

from autograder.marks import Mark, Marks
from autograder.report.terminal import ClassDisplay
from autograder.results import ClassResults, Grade, NotRecognised, Verdict


@pytest.mark.parametrize("text", ["a\n    [1/1] bob  OK  27 / 27", "a\r\x1b[2Kb", "a\u202eb", "a\u2028b"])
def test_a_name_or_a_message_is_one_line_and_moves_nothing(text: str, capsys: pytest.CaptureFixture) -> None:
    display = ClassDisplay()
    display.graded(Grade(text, Verdict.OK, message=text))
    said = capsys.readouterr().out

    assert len(said.splitlines()) == 1
    assert not set(said) & set("\x1b\r\u202e\u2028")


def test_a_verdict_that_a_busy_machine_can_bring_about_comes_with_the_way_to_try_again(
    capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    grades = (Grade("ann", Verdict.OK), Grade("bob", Verdict.TIMEOUT), Grade("cem", Verdict.OUTPUT_LIMIT))
    ClassDisplay().summary(ClassResults("early_exit", 1, "box", grades), tmp_path / "report" / "index.html")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "--fresh" in line]

    assert "bob" in line
    assert "ann" not in line and "cem" not in line


def test_what_is_nobodys_is_listed(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    unknown = (NotRecognised("roster.csv", "a table"), NotRecognised("a\x1b[2Kb\udcff", "a link"))
    ClassDisplay().summary(ClassResults("small", 1, "box", (), unknown), tmp_path / "report" / "index.html")
    said = capsys.readouterr().out

    assert "Not graded, because it cannot be told whose it is (2):\n  roster.csv: a table\n  a?[2Kb?: a link\n" in said


def test_the_time_left_is_told_from_the_start_and_follows_what_runs(capsys: pytest.CaptureFixture) -> None:
    display = ClassDisplay()
    display.found(60, 0, 2, 480.0, ())
    assert "60 submissions found" in (said := capsys.readouterr().out) and "about 11 min left" in said
    display.prepared("box", 1, "", 2)
    for number in range(58):
        display.begun(f"s{number}")
        display.graded(Grade(f"s{number}", Verdict.OK, wall_s=2.0, run="a"))
    display.begun("slow")
    display._running["slow"] -= 100  # it began that long ago
    assert display.left() == "about 60 s left"
    for student in ("slow", "last"):
        display.graded(Grade(student, Verdict.OK, wall_s=2.0))

    assert display.left() == ""


def test_what_earlier_submissions_took_is_what_is_expected(capsys: pytest.CaptureFixture) -> None:
    display = ClassDisplay()
    earlier = (Grade("ann", Verdict.OK, wall_s=60.0, run="a"), Grade("bob", Verdict.EMPTY, wall_s=0.1))
    display.found(12, 2, 1, 480.0, earlier)

    assert "2 unchanged" in (said := capsys.readouterr().out) and "about 11 min left" in said


def test_without_a_terminal_the_time_left_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.report.terminal.EVERY_S", -1.0)
    display = ClassDisplay()
    display.found(3, 0, 1, 480.0, ())
    display.graded(Grade("ann", Verdict.OK, wall_s=2.0))

    assert capsys.readouterr().out.splitlines()[-1].endswith(" left")


@pytest.mark.parametrize(("columns", "shown"), [("100", True), ("40", False)])
def test_a_narrow_terminal_gets_what_matters(
    columns: str, shown: bool, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    display = ClassDisplay()
    display.summary(ClassResults("small", 1, "box", (Grade("ann", Verdict.OK),)), tmp_path / "report" / "index.html")
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
    ClassDisplay().summary(ClassResults("small", 1, "box", grades), tmp_path / "report" / "index.html")
    lines = capsys.readouterr().out.splitlines()

    assert [line for line in lines if "hand" in line or "wait" in line] == said


def test_what_we_failed_to_grade_waits_for_us(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    ann = Grade("ann", Verdict.GRADER_ERROR, marks=Marks("ann", (WAITS, Mark("mac_ratio", False, 1.0, waits=True))))
    ClassDisplay().summary(ClassResults("small", 1, "box", (ann,)), tmp_path / "report" / "index.html")

    assert "No written answer waits for you." in capsys.readouterr().out


def test_a_class_that_was_given_another_release_is_told_of_once(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    grades = [Grade(student, Verdict.OK, other_release=("title", "setup")) for student in ("ann", "bob")]
    results = ClassResults("small", 1, "box", (*grades, Grade("cem", Verdict.OK)))
    ClassDisplay().summary(results, tmp_path / "report" / "index.html")
    said = capsys.readouterr().out

    told = "Made from another release of the notebook: 2 of 3 submissions. 2 given cells differ there: title, setup."
    assert said.count("another release") == said.count(told) == 1

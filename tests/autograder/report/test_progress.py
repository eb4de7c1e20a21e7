"""What the terminal shows while a class is graded, whatever the students' names and messages hold."""

import pytest

from autograder.report.progress import ClassProgress
from autograder.results import Grade, Verdict


@pytest.mark.parametrize("text", ["a\n    [1/1] bob  OK  27 / 27", "a\r\x1b[2Kb", "a\u202eb", "a\u2028b"])
def test_a_name_or_a_message_is_one_line_and_moves_nothing(text: str, capsys: pytest.CaptureFixture) -> None:
    display = ClassProgress()
    display.graded(Grade(text, Verdict.OK, message=text))
    said = capsys.readouterr().out

    assert len(said.splitlines()) == 1
    assert not set(said) & set("\x1b\r\u202e\u2028")


def test_the_time_left_is_told_from_the_start_and_follows_what_runs(capsys: pytest.CaptureFixture) -> None:
    display = ClassProgress()
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
    display = ClassProgress()
    earlier = (Grade("ann", Verdict.OK, wall_s=60.0, run="a"), Grade("bob", Verdict.EMPTY, wall_s=0.1))
    display.found(12, 2, 1, 480.0, earlier)

    assert "2 unchanged" in (said := capsys.readouterr().out) and "about 11 min left" in said


def test_without_a_terminal_the_time_left_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.report.progress.EVERY_S", -1.0)
    display = ClassProgress()
    display.found(3, 0, 1, 480.0, ())
    display.graded(Grade("ann", Verdict.OK, wall_s=2.0))

    assert capsys.readouterr().out.splitlines()[-1].endswith(" left")

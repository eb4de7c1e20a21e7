"""What the terminal shows of a class, whatever the students' names and messages hold."""

import pytest

from autograder.report.terminal import ClassDisplay
from autograder.results import Grade, Verdict


@pytest.mark.parametrize("text", ["a\n    [1/1] bob  OK  27 / 27", "a\r\x1b[2Kb", "a\u202eb", "a\u2028b"])
def test_a_name_or_a_message_is_one_line_and_moves_nothing(text: str, capsys: pytest.CaptureFixture) -> None:
    display = ClassDisplay()
    display.graded(Grade(text, Verdict.OK, message=text))
    said = capsys.readouterr().out

    assert len(said.splitlines()) == 1
    assert not set(said) & set("\x1b\r\u202e\u2028")

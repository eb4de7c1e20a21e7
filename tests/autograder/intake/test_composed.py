"""Letters are composed in one way, and no text takes longer than its length."""

import time
import unicodedata

import pytest

from autograder.intake.composed import MARKS, composed
from autograder.intake.identity import identifier
from autograder.intake.parse import parse_notebook
from autograder.intake.statements import settled

HOSTILE = "a" + "\u0301" * 100_000 + "\u0323" * 100_000


@pytest.mark.parametrize("text", ["plain", "u\u0308ber", "अनीता", "각", "e" + "\u0301" * MARKS])
def test_text_of_any_language_is_composed(text: str) -> None:
    assert composed(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("read", [composed, identifier, settled, lambda text: parse_notebook(notebook(text), "ann")])
def test_marks_without_end_take_no_time(read) -> None:  # type: ignore[no-untyped-def]
    begin = time.monotonic()
    read(HOSTILE)

    assert time.monotonic() - begin < 10  # minutes, where they are put in order


def notebook(text: str) -> bytes:
    return ('{"cells": [{"cell_type": "markdown", "metadata": {}, "source": "' + text + '"}], "metadata": {}}').encode()

"""Times of platforms in UTC, as nbgrader keeps them."""

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from nbgrader.utils import parse_utc

from autograder.records.timestamps import moment, timestamp_text


@pytest.fixture(name="new_york")
def _new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("submitted", "utc"),
    [
        ("2026-09-24T21:26:00+02:00", "2026-09-24T19:26:00"),
        ("2026-09-24T21:26:00+00:00", "2026-09-24T21:26:00"),
        ("2026-09-24T21:26:00", "2026-09-25T01:26:00"),  # summer, as the machine has it
        ("2026-12-24T21:26:00", "2026-12-25T02:26:00"),
    ],
)
def test_a_time_without_an_offset_is_this_machines(submitted: str, utc: str, new_york: None) -> None:
    assert moment(submitted) == datetime.fromisoformat(utc)


@pytest.mark.parametrize("submitted", ["", "yesterday", "2026-02-30T00:00:00", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(submitted: str) -> None:
    assert moment(submitted) is None


def test_nbgrader_reads_what_we_write() -> None:
    when = datetime(2026, 9, 24, 19, 26, 0, 5)

    assert parse_utc(timestamp_text(when).decode().strip()) == when

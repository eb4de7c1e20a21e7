"""The time left: never far too short while something slow still runs."""

import pytest

from autograder.report.remaining import USUAL_S, in_words, seconds_left

LONGEST = 480.0


def test_before_anything_is_measured_it_is_what_is_usual() -> None:
    assert seconds_left(USUAL_S, [], [], 60, 2, LONGEST) == pytest.approx(30 * USUAL_S)


def test_it_is_the_mean_of_what_was_measured_once_there_is_enough() -> None:
    assert seconds_left(60.0, [4.0] * 100, [], 50, 1, LONGEST) == pytest.approx(50 * 4, rel=0.3)


def test_two_quick_ones_do_not_promise_a_quick_class() -> None:
    """The first to finish are the fastest: after 2 of 60 a run of 13 minutes was said to have 54 seconds left."""
    assert seconds_left(USUAL_S, [1.0, 2.0], [10.0, 10.0], 56, 2, LONGEST) > 300


def test_what_has_run_for_long_runs_on() -> None:
    """A TIMEOUT took two more minutes when 14 seconds were said to be left."""
    assert seconds_left(20.0, [5.0] * 59, [100.0], 0, 2, LONGEST) >= 50
    assert seconds_left(20.0, [5.0] * 59, [470.0], 0, 2, LONGEST) == pytest.approx(10.0)


def test_more_boxes_take_less_time_and_nothing_takes_none() -> None:
    assert seconds_left(20.0, [], [], 40, 8, LONGEST) < seconds_left(20.0, [], [], 40, 2, LONGEST)
    assert seconds_left(20.0, [3.0], [], 0, 2, LONGEST) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "about 10 s"),
        (31.0, "about 40 s"),
        (90.0, "about 90 s"),
        (91.0, "about 2 min"),
        (3539.0, "about 59 min"),
        (3600.0, "about 1 h"),
        (4801.0, "about 1 h 30 min"),
    ],
)
def test_it_is_said_as_an_estimate(seconds: float, words: str) -> None:
    assert in_words(seconds) == words

"""Threads that wait for boxes: in the order begun, no more than asked for, and given up together."""

import threading
import time

import pytest

from autograder.pool import Pool


def test_what_is_begun_first_is_done_first() -> None:
    done: list[int] = []
    with Pool(1, lambda: None) as pool:
        for number in range(20):
            pool.begin(done.append, number)

    assert done == list(range(20))


def test_an_error_goes_to_whoever_waits_for_it() -> None:
    with Pool(2, lambda: None) as pool:
        future = pool.begin(int, "three")

        with pytest.raises(ValueError, match="three"):
            future.result()


def test_when_the_user_interrupts_then_what_runs_is_ended_and_what_waits_never_begins() -> None:
    ended, begun = threading.Event(), threading.Event()
    late: list[int] = []

    def box() -> None:
        begun.set()
        ended.wait(60)

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Pool(1, ended.set) as pool:
        pool.begin(box)
        pool.begin(late.append, 1)
        begun.wait(60)
        raise KeyboardInterrupt

    assert time.monotonic() - begin < 30
    assert ended.is_set()
    assert not late


def test_no_more_threads_work_than_there_are_slots() -> None:
    slots, most, now, lock = 1, 0, 0, threading.Lock()

    def box() -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1

    with Pool(8, lambda: None, lambda: slots) as pool:
        for _ in range(4):
            pool.begin(box)
    assert most == 1

    slots, most = 3, 0
    with Pool(8, lambda: None, lambda: slots) as pool:
        for _ in range(9):
            pool.begin(box)
    assert most == 3

"""What each process of a box may have at most, and what the grader needs more than that."""

import dataclasses
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from one_cell import run
from small_course import settings_for

from autograder.box.box import Box
from autograder.box.maxima import OPEN_FILES
from autograder.box.rlimits import rlimits
from autograder.box.run_once import printed
from autograder.config import Settings


@pytest.fixture(name="box", scope="module")
def _box(small_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(settings_for(small_course, tmp_path_factory.mktemp("workspace"))) as box:
        yield box


def test_limits_cannot_be_raised_from_inside(box: Box) -> None:
    code = (
        "import resource\nfor name in ('RLIMIT_CORE', 'RLIMIT_FSIZE', 'RLIMIT_CPU'):\n"
        "    kind = getattr(resource, name)\n    soft, hard = resource.getrlimit(kind)\n    assert hard > -1\n"
        "    try:\n        resource.setrlimit(kind, (hard + 1, hard + 1))\n        print(name, 'raised')\n"
        "    except (ValueError, OSError):\n        print(name, 'held')"
    )
    assert printed(box, code, 20).split("\n")[:3] == ["RLIMIT_CORE held", "RLIMIT_FSIZE held", "RLIMIT_CPU held"]


def test_seconds_of_processor_follow_from_the_limits_of_time(settings: Settings) -> None:
    limits = dataclasses.replace(settings.limits, wall_s=100, call_s=10, calls_s=50)
    bounds = rlimits(dataclasses.replace(settings, limits=limits))

    assert 150 * (os.cpu_count() or 1) < bounds["RLIMIT_CPU"] < 160 * (os.cpu_count() or 1) + 100


def test_what_a_box_is_started_with_is_bounded_and_cannot_be_raised(box: Box) -> None:
    code = """
import resource
names = ("CORE", "NOFILE", "MEMLOCK", "MSGQUEUE", "SIGPENDING", "RTPRIO", "NICE")
print([resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names])
print(open("/proc/self/oom_score_adj").read())
print(open("/proc/1/oom_score_adj").read())
"""
    said = printed(box, code, 20)

    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    core = 1 if hard == resource.RLIM_INFINITY else min(1, hard)
    bounds = [core, 512, 0, 0, 1024, 0, 0]
    assert said.split("\n")[0] == str([(bound, bound) for bound in bounds])
    assert said.split()[-2:] == ["1000", "1000"]


def test_the_grader_may_have_more_descriptors_than_boxes_keep_in_flight(settings: Settings) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        run(settings, "1")
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 2 * OPEN_FILES or hard <= 2 * OPEN_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

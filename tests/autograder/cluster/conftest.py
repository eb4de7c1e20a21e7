"""A course to grade and a cluster to grade it on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import Bench, Site

from autograder.course import Course


@pytest.fixture(name="bench")
def _bench(prepared: Course, tmp_path: Path) -> Bench:
    course = tmp_path / "course"
    shutil.copytree(prepared.settings.course, course)
    (course / "pyproject.toml").write_text("[tool.autograder.limits]\nwall_s = 10\ncall_s = 6\n")
    return Bench(course, tmp_path, prepared.released)


@pytest.fixture(name="site")
def _site(bench: Bench) -> Iterator[Site]:
    """A scheduler with its folder, and no worker yet."""
    from autograder.cluster.folder import make_folder

    site = Site(make_folder(bench.folder / "cluster"), bench.environment)
    try:
        site.start_scheduler()
        yield site
    finally:
        site.end()

"""What the tests of the box share."""

from pathlib import Path

import pytest
from small_course import settings_for

from autograder.config import Settings


@pytest.fixture(name="settings")
def _settings(small_course: Path, tmp_path: Path) -> Settings:
    return settings_for(small_course, tmp_path)

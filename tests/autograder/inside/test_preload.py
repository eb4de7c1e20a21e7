"""What a box loads before any student code runs."""

import gc

import pytest

from autograder.inside import preload as module
from autograder.inside.preload import preload


def test_when_a_package_no_longer_has_a_part_then_the_rest_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PRELOADED", ("json.no_such_part", "json.tool"))

    preload()
    gc.unfreeze()


@pytest.mark.parametrize("missing", ["no_such_package.part", "course_lib.no_such_part", "inside.no_such_part"])
def test_when_a_package_or_a_part_of_ours_is_missing_then_it_is_told(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(module, "PRELOADED", (missing,))

    with pytest.raises(ModuleNotFoundError):
        preload()
    assert gc.isenabled()

"""What a box loads before any student code runs."""

import gc
import sys

import pytest
from inside import preload as module
from inside.cases import loaded
from inside.preload import preload
from small_course import SMALL


def test_when_a_package_no_longer_has_a_part_then_the_rest_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PRELOADED", ("json.no_such_part", "json.tool"))

    preload(["json.another_part"], [], "")


def test_the_hidden_cases_are_loaded_from_their_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PRELOADED", ())
    for name in ("assignment", "assignment.cases"):  # another test's
        monkeypatch.delitem(sys.modules, name, raising=False)

    preload([], [], str(SMALL / "inside"))
    assert loaded().names() == {"mac_ratio": ("two_totals",), "choose_tolerance": ("plain", "none_good_enough")}


@pytest.mark.parametrize("missing", ["no_such_package.part", "course_lib.no_such_part", "inside.no_such_part"])
def test_when_a_package_or_a_part_of_ours_is_missing_then_it_is_told(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(module, "PRELOADED", ())

    with pytest.raises(ModuleNotFoundError):
        preload([missing], ["course_lib"], "")
    assert gc.isenabled()

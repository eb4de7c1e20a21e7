"""The three profiles and how one of them is chosen."""

from dataclasses import FrozenInstanceError, fields

import pytest

from course_lib.profiles import PROFILES, current_data, current_profile


def test_there_are_three_profiles_under_their_own_names():
    assert list(PROFILES) == ["smoke", "quick", "full"]
    assert all(profile.name == name for name, profile in PROFILES.items())


def test_no_profile_is_larger_than_the_next_one():
    smoke, quick, full = PROFILES.values()
    sizes = [field.name for field in fields(full) if field.name not in ("name", "eval_batch_size")]

    for name in sizes:
        assert 0 < getattr(smoke, name) <= getattr(quick, name) <= getattr(full, name)


def test_full_has_the_sizes_of_the_published_numbers():
    full = PROFILES["full"]

    assert (full.width, full.train_images, full.test_images) == (64, 30_000, 6_000)
    assert (full.epochs, full.batch_size, full.eval_batch_size) == (10, 256, 128)


def test_a_profile_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        PROFILES["quick"].epochs = 100  # type: ignore[misc]


@pytest.mark.parametrize("name", ["smoke", "quick", "full"])
def test_when_the_variable_names_a_profile_then_it_is_taken(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_PROFILE", name)

    assert current_profile() is PROFILES[name]


def test_when_the_variable_is_unset_or_empty_then_the_profile_is_quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    assert current_profile() is PROFILES["quick"]

    monkeypatch.setenv("COURSE_PROFILE", "")
    assert current_profile() is PROFILES["quick"]


def test_when_the_variable_names_no_profile_then_the_error_lists_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_PROFILE", "Fast")

    with pytest.raises(ValueError, match="one of smoke, quick, full, but is 'Fast'"):
        current_profile()


def test_the_data_set_is_chosen_by_the_environment_and_not_while_a_grader_fixes_the_profile(monkeypatch):
    monkeypatch.delenv("COURSE_PROFILE_FIXED", raising=False)
    monkeypatch.delenv("COURSE_DATASET", raising=False)
    assert current_data() == "shapes"
    monkeypatch.setenv("COURSE_DATASET", "fashion-mnist")
    assert current_data() == "fashion-mnist"
    monkeypatch.setenv("COURSE_PROFILE_FIXED", "smoke")
    assert current_data() == "shapes"


def test_nbgraders_validate_takes_the_smallest_profile_whatever_a_cell_says(monkeypatch):
    for name, value in (("COURSE_PROFILE", "quick"), ("COURSE_DATASET", "fashion-mnist"), ("NBGRADER_VALIDATING", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("COURSE_PROFILE_FIXED", raising=False)

    assert (current_profile().name, current_data()) == ("smoke", "shapes")

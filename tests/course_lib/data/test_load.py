"""`load_data` sends each name to its data set and refuses the rest."""

from pathlib import Path

import pytest

from course_lib.data import load_data
from course_lib.profiles import PROFILES


def test_when_shapes_are_loaded_then_the_splits_have_the_sizes_of_the_profile():
    profile = PROFILES["smoke"]
    splits = load_data("shapes", profile)

    sizes = (len(splits.train), len(splits.validation), len(splits.test))
    assert sizes == (profile.train_images, profile.validation_images, profile.test_images)
    assert splits.name == "shapes"
    assert splits.num_classes == 6


def test_when_the_name_is_unknown_then_the_two_names_are_given():
    with pytest.raises(ValueError, match=r"no data set named 'cats'\. Choose 'shapes' or 'fashion-mnist'"):
        load_data("cats", PROFILES["smoke"])


def test_when_shapes_are_given_a_path_then_it_is_refused():
    with pytest.raises(ValueError, match="shapes are drawn, not read"):
        load_data("shapes", PROFILES["smoke"], path=Path("here"))

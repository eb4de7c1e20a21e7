"""The reference curves that are shipped: they cover several seeds, and are given out for their own setting only."""

import json

import pytest

from course_lib import reference as module
from course_lib.profiles import DEFAULT_PROFILE, PROFILES
from course_lib.reference import reference

RUNS = json.loads(module.FILE.read_text())
CURVES = ("baseline_loss", "joint_loss", "per_sample")


@pytest.mark.parametrize("curve", CURVES)
def test_when_the_setting_is_that_of_the_runs_then_the_band_holds_every_seed(curve):
    band = reference(curve, RUNS["profile"], RUNS["data"])
    seeds = RUNS["curves"][curve]["seeds"]
    assert len(seeds) == 5
    for values in seeds:
        assert all(low <= value <= high for low, value, high in zip(band.low, values, band.high, strict=True))
    assert list(band.x) == sorted(band.x) and 0 <= band.x[0] < band.x[-1] <= 1
    assert any(low < high for low, high in zip(band.low, band.high, strict=True))


def test_when_the_runs_were_made_then_it_was_in_the_setting_that_a_student_starts_with():
    assert (RUNS["profile"], RUNS["data"]) == (DEFAULT_PROFILE, "shapes")
    profile = PROFILES[RUNS["profile"]]
    assert RUNS["sizes"] == [profile.width, profile.train_images, profile.epochs, profile.batch_size]


@pytest.mark.parametrize(("profile", "data"), [("smoke", "shapes"), ("quick", "fashion-mnist")])
def test_when_the_setting_is_another_then_there_is_no_band(profile, data):
    assert reference("joint_loss", profile, data) is None


def test_when_there_is_no_such_curve_then_it_names_those_there_are():
    with pytest.raises(ValueError, match="Choose one of baseline_loss, joint_loss, per_sample"):
        reference("loss", "quick", "shapes")

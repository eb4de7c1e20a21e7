"""What is said of an error that meets a `...`."""

from course_lib.selfcheck.unfilled import sentence


def test_an_error_that_meets_an_ellipsis_names_the_task_or_says_who_does():
    error = AttributeError("'ellipsis' object has no attribute 'item'")
    assert sentence(error, ["mac_ratio"]).startswith("The TODO of mac_ratio is not filled in")
    assert "selfcheck.overview() says which" in sentence(error, [])


def test_any_other_error_is_left_alone():
    assert sentence(ValueError("no such file"), ["mac_ratio"]) == ""

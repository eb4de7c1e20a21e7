"""Feedback zips have the names by which a platform knows its students."""

import io
import re
import zipfile

import pytest
from platform_sheets import by

from autograder.errors import UsageError
from autograder.export import feedback as feedback_module
from autograder.export.feedback import feedback_zip
from autograder.intake.platforms import Told, names
from autograder.results import Handin


def members(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {one.filename: archive.read(one).decode() for one in archive.infolist()}


def one(handin: Handin | None, platform: str, student: str = "ann") -> str:
    return next(iter(members(feedback_zip({student: handin}, lambda _: "<p>é", platform))))


@pytest.mark.parametrize(
    "downloaded",
    ["doejane_1234_567890_early_exit.ipynb", "müllerzoë_LATE_1236_567891_hw_2.ipynb", "2pac_1_2_x.ipynb"],
)
def test_canvas_finds_user_and_attachment_again(downloaded: str) -> None:
    (known,) = names(downloaded, Told("early_exit"))
    name = one(known.handin, "canvas")

    assert name == re.match(r".*?_\d+_\d+_", downloaded)[0] + "feedback.html"  # type: ignore[index]
    digits = [part for part in name.split("_") if part.isdigit()]
    assert digits[:2] == [known.handin.id, known.handin.attempt]


def test_a_canvas_name_of_digits_is_not_taken_for_the_user() -> None:
    name = one(Handin("canvas", "007", "1234", attempt="56"), "canvas")
    assert [part for part in name.split("_") if part.isdigit()] == ["1234", "56"]


def test_moodle_reads_the_number_in_the_folder() -> None:
    name = one(by("moodle", "12345", "Jane_Ann Doe"), "moodle")
    assert name == "Jane Ann Doe_12345_assignsubmission_file_/feedback.html"
    assert name.split("/")[0].split("_", 4)[1] == "12345"  # as Moodle does


@pytest.mark.parametrize(
    ("handin", "platform"),
    [
        (None, "canvas"),
        (by("moodle", "12", "Ann"), "canvas"),
        (by("canvas", "ab12", attempt="5"), "canvas"),  # anonymous
        (by("canvas", "12"), "canvas"),  # a text that was typed in
        (Handin("moodle", "Team A", team="Team A"), "moodle"),
        (by("canvas", "12", attempt="5"), "moodle"),
    ],
)
def test_who_cannot_be_known_again_is_told(handin: Handin | None, platform: str) -> None:
    with pytest.raises(UsageError, match=f"{platform.capitalize()} cannot give feedback to ann: "):
        one(handin, platform)


@pytest.mark.parametrize(
    "student", ["../../etc/passwd", "/root", ".hidden", "a\0b\n\x1bc", "~x", "...", "C:\\x", "a" * 300]
)
def test_no_name_leads_anywhere(student: str) -> None:
    for name in (one(None, "plain", student), one(by("moodle", "1", student), "moodle")):
        parts = name.split("/")
        assert len(parts) == (2 if "assign" in name else 1)
        assert all(part.isprintable() and not part.startswith((".", "~")) and len(part) < 200 for part in parts)
        assert not set(':\\*?"<>|') & set(name)


def test_two_who_would_be_one_file_are_two() -> None:
    pages = {"a/b": "1", "a:b": "2", "A b": "3"}
    assert members(feedback_zip(dict.fromkeys(pages), pages.__getitem__, "plain")) == {
        "a b_feedback.html": "1",
        "a b_2-feedback.html": "2",
        "A b_3-feedback.html": "3",
    }


def test_the_same_pages_make_the_same_zip() -> None:
    assert feedback_zip({"ann": None}, str, "plain") == feedback_zip({"ann": None}, str, "plain")


def test_a_zip_that_no_platform_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback_module, "MAX_ZIP", 100)
    with pytest.raises(UsageError, match="which no platform takes at once"):
        feedback_zip({"ann": None, "bob": None}, str, "plain")

"""Each platform's class of twelve: everybody once, with the right file, and as the platform says it."""

from pathlib import Path

import pytest
from platform_classes import GROUP, PEOPLE, SCHEMES, TWICE, WRONG, each_alone, made, notebook, packed, unpacked, zipped

from autograder.errors import BadSubmission, UsageError
from autograder.intake.find import Class, Found, find_class
from autograder.intake.platforms import PLATFORMS, Told, names
from autograder.results import Verdict

WAYS = {
    "zip": lambda files, folder: packed(files, folder / "class.zip"),
    "folder": lambda files, folder: unpacked(files, folder / "class"),
    "zip_collect": lambda files, folder: packed(
        files, _folder(folder / "downloaded" / "early_exit" / "archive") / "a.zip"
    ).parents[2],
}


# In a folder of zips, a zip with such names in it is one student's.
NAMED_BY_PERSONS = ("files and folders named after students", "a zip of each student")


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def graded(found: Found) -> bytes | None:
    """The bytes that are graded; None for a file of the wrong kind."""
    try:
        return found.read(1 << 20)
    except BadSubmission as refusal:
        assert refusal.verdict is Verdict.BAD_FILE
        assert "early_exit.pdf (a PDF)" in str(refusal)
        return None


def in_class(files: dict[str, bytes], folder: Path, platform: str | None = None) -> Class:
    return find_class(packed(files, folder / "some.zip"), "early_exit", platform)


@pytest.mark.parametrize(
    ("scheme", "way"),
    [(scheme, way) for scheme in SCHEMES for way in WAYS if way != "zip_collect" or scheme not in NAMED_BY_PERSONS],
)
def test_everybody_is_there_once_with_the_right_file(tmp_path: Path, scheme: str, way: str):
    files, expected = made(SCHEMES[scheme])
    found = find_class(WAYS[way](files, tmp_path), "early_exit")

    assert {one.student: graded(one) for one in found.found} == {who: one.graded for who, one in expected.items()}
    assert len(expected) == (12 if SCHEMES[scheme].group == "members" else 11)
    assert found.not_recognised == ()
    for one in found.found:
        assert one.handin is not None
        told = expected[one.student]
        assert (one.handin.late, one.handin.id, one.handin.team) == (told.late, told.id, told.team)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_next_round_meets_the_same_students(tmp_path: Path, scheme: str):
    first, second = (
        find_class(packed(made(SCHEMES[scheme], n)[0], tmp_path / f"{n}.zip"), "early_exit") for n in (0, 1)
    )

    assert [one.student for one in first.found] == [one.student for one in second.found]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nobodys_identity_depends_on_who_else_is_there(tmp_path: Path, scheme: str):
    """Each hand-in alone, as when one comes late: the same row as in the class."""
    for n, (student, files) in enumerate(each_alone(SCHEMES[scheme])):
        for path in (unpacked(files, tmp_path / str(n)), packed(files, tmp_path / f"{n}.zip")):
            alone = [one.student for one in find_class(path, "early_exit").found]
            assert student in alone
            assert len(alone) == 1 or SCHEMES[scheme].group == "members"


@pytest.mark.parametrize("scheme", [name for name, scheme in SCHEMES.items() if scheme.attempts])
def test_of_several_hand_ins_the_newest_counts_and_the_others_are_told(tmp_path: Path, scheme: str):
    files, _ = made(SCHEMES[scheme])
    found = {one.student: one for one in in_class(files, tmp_path).found}[SCHEMES[scheme].row(PEOPLE[TWICE])]

    assert graded(found) == notebook(PEOPLE[TWICE].user, 0)
    assert any("of 2 hand-ins the newest with a notebook is graded; not used: " in note for note in found.notes)


@pytest.mark.parametrize("scheme", [name for name, scheme in SCHEMES.items() if scheme.attempts])
def test_a_newer_hand_in_without_a_notebook_does_not_hide_the_older_one(tmp_path: Path, scheme: str):
    """A report in a second upload, most likely: the note says that it is not what is graded."""
    files, _ = made(SCHEMES[scheme])
    again, _ = made(SCHEMES[scheme], 1)
    files |= {name.replace(".ipynb", ".md"): b"Sorry" for name in again if name.endswith(".ipynb")}
    files |= {name: data for name, data in again.items() if name.endswith(".txt")}  # Blackboard's, of each attempt
    for one in in_class(files, tmp_path).found:
        if SCHEMES[scheme].row(PEOPLE[WRONG]) != one.student:
            assert one.read(1000)


def test_a_team_of_which_only_the_name_is_known_is_the_row_and_says_so(tmp_path: Path):
    files, _ = made(SCHEMES["moodle, teams"])
    (team,) = [one for one in in_class(files, tmp_path).found if one.student == "Default group"]

    assert team.notes == ("handed in by the team Default group", "the names do not say who is in the team")


def test_each_member_of_a_group_is_graded_where_the_export_names_them(tmp_path: Path):
    files, _ = made(SCHEMES["gradescope"])
    found = {one.handin.name: one for one in in_class(files, tmp_path).found if one.handin}
    jane, john = (found[PEOPLE[n].name] for n in GROUP)

    assert jane.members == john.members
    assert jane.notes == john.notes == ("handed in by Jane Doe, John Roe",)
    assert jane.handin is not None
    assert jane.handin.submitted == "2026-09-20T21:26:00+00:00"


def test_who_is_named_in_the_export_and_has_no_file_is_not_missing(tmp_path: Path):
    files, expected = made(SCHEMES["gradescope"])
    files = {name: data for name, data in files.items() if "early_exit.pdf" not in name}
    found = in_class(files, tmp_path).found

    assert {one.student for one in found} == set(expected)
    (empty,) = [one for one in found if not one.members]
    with pytest.raises(BadSubmission, match="holds no notebook") as refusal:
        empty.read(10)
    assert refusal.value.verdict is Verdict.EMPTY


@pytest.mark.parametrize("text", [None, b"", b"[", b"- 1", b"submission_1: 3", b"&a [*a]", b"{" * 5000, b"\xff\x00"])
def test_a_gradescope_export_without_its_file_still_has_all_submissions(tmp_path: Path, text: bytes | None):
    files = {"assignment_1_export/submission_1/a.ipynb": b"{}"}
    files |= {} if text is None else {"assignment_1_export/submission_metadata.yml": text}
    (one,) = in_class(files, tmp_path).found

    assert one.student == "submission_1"
    assert "the export does not say whose submission this is" in one.notes[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "it is nested more than 20 deep"),
        ("submission_1:" + "\n  x: " + "[" * 30, "it is nested more than 20 deep"),
        ("submission_1:\n  :submitters: [&a {name: x}, *a]", "it names people by aliases"),
        ("? [a]\n: b", "it has a key that is no text"),
        ("{", "it is damaged"),
        ("submission_1:\n  :submitters: [" + "{sid: '1'}," * 20_001 + "]", "it names more than 20000 people"),
    ],
)
def test_an_export_that_would_harm_or_cannot_be_read_stops_nobody(tmp_path: Path, text: str, why: str):
    whole = in_class({"submission_1/a.ipynb": b"{}", "submission_metadata.yml": text.encode()}, tmp_path)

    assert [one.student for one in whole.found] == ["submission_1"]
    assert whole.remarks == (f"submission_metadata.yml, which says who handed in, is not used: {why}.",)


@pytest.mark.parametrize("odd", [":created_at: [1]", ":created_at: {a: b}", ":x: &a [*a, *a]", ":history: [{a: [1]}]"])
def test_what_is_no_text_in_an_export_is_not_looked_at(tmp_path: Path, odd: str):
    text = f"submission_1:\n  :submitters:\n  - :name: [1]\n    :sid: '7'\n  {odd}\n"
    whole = in_class({"submission_1/a.ipynb": b"{}", "submission_metadata.yml": text.encode()}, tmp_path)

    assert [(one.student, one.handin and one.handin.submitted) for one in whole.found] == [("7", "")]
    assert whole.remarks == ()


def test_a_students_file_that_is_called_like_gradescopes_names_nobody(tmp_path: Path):
    text = b"submission_1:\n  :submitters:\n  - :name: ann\n"
    whole = in_class({"ann.ipynb": b"{}", "submission_metadata.yml": text}, tmp_path)

    assert [(one.student, one.read(9)) for one in whole.found] == [("ann", b"{}")]
    assert [one.name for one in whole.not_recognised] == ["submission_metadata.yml"]


def test_what_lies_in_a_platforms_own_file_is_listed(tmp_path) -> None:
    # In a zip a name can be a file and a folder.
    files = dict.fromkeys(("submission_1", "submission_metadata.yml", "submission_metadata.yml/early_exit"), b"")
    whole = in_class(files, tmp_path)

    assert [one.student for one in whole.found] == ["submission_1"]
    assert [one.name for one in whole.not_recognised] == ["submission_metadata.yml"]


def exported(*people: str) -> dict[str, bytes]:
    text = "".join(f"submission_{n}:\n  :submitters:\n  - {person}\n" for n, person in enumerate(people))
    return {f"submission_{n}/a.ipynb": b"%d" % n for n in range(len(people))} | {
        "submission_metadata.yml": text.encode()
    }


def test_a_name_in_an_export_makes_nobody_else_of_a_student(tmp_path: Path):
    found = in_class(exported("{name: Vic, sid: 12_3}", "{name: Vic_12, sid: '3'}"), tmp_path).found

    assert {one.student: one.read(9) for one in found} == {"12_3": b"0", "3": b"1"}


def test_one_number_of_people_with_different_addresses_is_refused(tmp_path: Path):
    files = exported("{sid: '3', email: a@u}", "{sid: '3', email: b@u}", "{sid: '4', email: c@u}")
    two, other = in_class(files, tmp_path).found

    assert other.read(9) == b"2"
    with pytest.raises(BadSubmission, match=r"gives '3' to people with different e-mail addresses\. Correct it in"):
        two.read(9)


def test_a_blackboard_user_name_with_an_underscore_is_read_from_the_attempts_text(tmp_path: Path):
    start = "early_exit_j_doe_attempt_2026-01-30-15-30-10"
    (one,) = in_class(
        {f"{start}_hw.ipynb": b"{}", f"{start}.txt": b"Name: Jane Doe (j_doe)\r\nX: y\r\n"}, tmp_path
    ).found

    assert (one.student, one.handin and one.handin.name) == ("j_doe", "Jane Doe")
    assert one.handin is not None
    assert one.handin.submitted == "2026-01-30T15:30:10"


@pytest.mark.parametrize(
    "name",
    [
        "early_exit_mallory_attempt_2026-01-30-15-30-10_x_bob_attempt_2027-01-30-15-30-10_hw.ipynb",
        "mallory_12_34_bob_56_78_hw.ipynb",
        "Mallory_12_assignsubmission_file_Bob_34_assignsubmission_file_hw.ipynb",
        "12-34 - Mallory - Sep 24, 2026 926 PM - 56-78 - Bob - Sep 25, 2026 926 PM - hw.ipynb",
        "mallory_12_34_new\nline.ipynb",
    ],
)
def test_the_name_of_a_file_makes_nobody_else_of_a_student(name: str):
    (found,) = names(name, Told("early_exit"))

    assert found.student.lower().startswith("mallory")
    assert "bob" not in f"{found.student} {found.handin}".lower()


BRIGHTSPACE = "12-34 - Bob - Sep 24, 2026 926 PM - "
TWO_SCHEMES = [
    (BRIGHTSPACE + "x_Vic Doe_345_attempt_2026-01-30-15-30-10_early_exit.ipynb", "Blackboard and Brightspace"),
    (BRIGHTSPACE + "x_12_34_early_exit.ipynb", "Canvas and Brightspace"),
    (BRIGHTSPACE + "Vic Doe_345_assignsubmission_file_hw.ipynb", "Moodle and Brightspace"),
    ("att_12_34_vic_999_attempt_2026-01-30-15-30-10.txt", "Canvas and Blackboard"),
    ("att_LATE_12_34_x_assignsubmission_file_early_exit.ipynb", "Canvas and Moodle"),
    ("Bob_12_assignsubmission_file_vic_attempt_2026-01-30-15-30-10_hw.ipynb", "Moodle and Blackboard"),
]


@pytest.mark.parametrize(("name", "fits"), TWO_SCHEMES)
def test_who_hands_in_a_file_that_is_called_like_another_platforms_is_nobody_else(tmp_path: Path, name: str, fits: str):
    text = "Name: Vic (vic_999)\nX: y\n" if name.endswith("txt") else "{}"
    whole = in_class({name: text.encode(), "vic_999_70_early_exit.ipynb": b"vic", "vic.ipynb": b"vic"}, tmp_path)

    assert {one.student: graded(one) for one in whole.found} == {"vic_999": b"vic", "vic": b"vic"}
    assert [(one.name, one.what) for one in whole.not_recognised] == [(name, f"fits {fits}; say which with --from")]


@pytest.mark.parametrize(
    ("platform", "name", "student"),
    [
        ("brightspace", TWO_SCHEMES[0][0], "Bob_12"),
        ("canvas", TWO_SCHEMES[3][0], "att_12"),
        ("canvas", TWO_SCHEMES[4][0], "att_12"),
        ("moodle", TWO_SCHEMES[5][0], "Bob_12"),
        ("blackboard", "lab_1_4321_attempt_2026-01-30-15-30-10_hw.ipynb", "4321"),
    ],
)
def test_what_fits_two_platforms_is_read_as_the_instructor_says(tmp_path: Path, platform: str, name: str, student: str):
    (one,) = in_class({name: b"{}"}, tmp_path, platform).found
    assert (one.student, one.handin and one.handin.platform) == (student, platform)
    assert one.handin
    assert one.handin.late is (("LATE" in name) if platform == "canvas" else None)
    with pytest.raises(UsageError, match=r"fits \w+ and \w+; say which with --from\.$"):
        in_class({name: b"{}"}, tmp_path)


def test_hand_ins_of_two_platforms_are_not_joined(tmp_path: Path):
    files = {
        "Vic Doe_345_assignsubmission_file/notes.pdf": b"%PDF",
        "345-1 - Vic Doe - Sep 24, 2026 926 PM/a.ipynb": b"{}",
    }
    (one,) = in_class(files, tmp_path).found

    with pytest.raises(BadSubmission, match=r"Different platforms named .* \(moodle\).* Keep those of one of them\."):
        one.read(10)


def test_a_moodle_user_whose_name_holds_moodles_mark_is_nobody_else(tmp_path: Path):
    mark = "assignsubmission_file"
    files = {f"Vic_34_{mark}_12_{mark}{end}/a.ipynb": b"forged" for end in ("", "_")}
    files |= {f"Vic_34_{mark}/a.ipynb": b"vic"}
    found = in_class(files, tmp_path).found

    assert [one.student for one in found] == ["Vic_34", f"Vic_34_{mark}_12"]
    assert found[0].read(9) == b"vic"


def test_blackboard_users_who_end_alike_are_not_joined_without_the_attempts_texts(tmp_path: Path):
    start = "early_exit_{}_doe_attempt_2026-01-30-15-30-10_hw.ipynb"
    (alone,) = in_class({start.format("j"): b"{}"}, tmp_path).found
    assert alone.read(9) == b"{}"
    assert alone.notes[0] == (
        "read as the user 'doe'; a user name that holds _ is cut, as the attempt's text is missing"
    )
    (both,) = in_class({start.format("j"): b"{}", start.format("k"): b"{}"}, tmp_path).found
    with pytest.raises(BadSubmission, match="These names can be of different users who are called 'doe' at the end: "):
        both.read(9)


def test_a_platforms_own_file_is_an_unknown_one_elsewhere(tmp_path: Path):
    found = in_class({"ann.ipynb": b"{}", "index.html": b"<html>", "bob/index.html": b"<html>"}, tmp_path)

    assert [one.name for one in found.not_recognised] == ["index.html"]
    assert "but index.html (a web page)" in found.found[1].instead


def test_a_text_that_names_somebody_else_changes_nothing(tmp_path: Path):
    start = "early_exit_mallory_attempt_2026-01-30-15-30-10"
    (one,) = in_class({f"{start}_hw.ipynb": b"{}", f"{start}.txt": b"Name: Bob (bob)\n"}, tmp_path).found

    assert one.student == "mallory"


def test_a_blackboard_attempt_with_a_text_alone_is_empty_and_not_forgotten(tmp_path: Path):
    start = "early_exit_jdoe_attempt_2026-01-30-15-30-10"
    (one,) = in_class({f"{start}.txt": b"Name: Jane Doe (jdoe)\n"}, tmp_path).found

    assert (one.student, one.members, one.instead) == ("jdoe", (), "")


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("Sep 24, 2026 926 PM", "2026-09-24T21:26:00"),
        ("Sept. 4, 2026 1205 AM", "2026-09-04T00:05:00"),
        ("Oct 31, 2026 2126", "2026-10-31T21:26:00"),
        ("Feb 31, 2026 926 PM", ""),
        ("Foo 24, 2026 926 PM", ""),
    ],
)
def test_brightspaces_times(written: str, iso: str):
    (name,) = names(f"12-34 - Jane - Doe - {written}", Told("early_exit"))

    assert (name.student, name.handin.submitted) == ("Jane - Doe_12", iso)


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2015-02-02 15:58:23.948203 America/Los_Angeles", "2015-02-02T15:58:23-08:00"),
        ("2026-09-20 21:26:00.5 UTC", "2026-09-20T21:26:00+00:00"),
        ("2026-09-20 21:26:00 +0200", "2026-09-20T21:26:00+02:00"),
        ("2026-09-20T21:26:00", "2026-09-20T21:26:00"),
        ("2026-09-20 21:26:00 Nowhere/Land", ""),
        ("2026-09-20 21:26:00 ../../etc/passwd", ""),
        ("2026-13-20 21:26:00", ""),
        ("yesterday", ""),
    ],
)
def test_nbgraders_time_stamps(tmp_path: Path, written: str, iso: str):
    files = {"ann/early_exit/early_exit.ipynb": b"{}", "ann/early_exit/timestamp.txt": written.encode()}
    (one,) = in_class(files, tmp_path).found

    assert one.handin is not None
    assert one.handin.submitted == iso


@pytest.mark.parametrize(
    ("name", "user"),
    [("early-exit-octocat-main.zip", "octocat"), ("Early_Exit-the-cat.zip", "the-cat"), ("early_exit-x.zip", "x")],
)
def test_a_repository_as_github_packs_it(name: str, user: str):
    (found,) = names(name, Told("early_exit"))

    assert (found.student, found.handin.platform) == (user, "github")


def test_a_name_can_be_read_in_the_way_that_the_instructor_names(tmp_path: Path):
    """A file of a flat folder can look like another platform's."""
    files = {"anna_2026_10_05.ipynb": b"{}", "bob.ipynb": b"{}"}

    assert [one.student for one in in_class(files, tmp_path).found] == ["anna_2026", "bob"]
    assert [one.student for one in in_class(files, tmp_path, "flat").found] == ["anna_2026_10_05", "bob"]
    canvas = in_class(files, tmp_path, "canvas")
    assert [one.student for one in canvas.found] == ["anna_2026"]
    assert [(one.name, one.what) for one in canvas.not_recognised] == [("bob.ipynb", "a notebook")]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_when_no_name_is_the_platforms_then_the_error_says_what_was_found(tmp_path: Path, platform: str):
    with pytest.raises(UsageError, match=r"No submission was found .* Found: 'README\.md'\."):
        in_class({"README.md": b"# Class"}, tmp_path, platform)


@pytest.mark.parametrize("given", ["downloaded", "downloaded/early_exit", "downloaded/early_exit/archive"])
def test_zip_collects_archive_holds_downloads_and_single_files(tmp_path: Path, given: str):
    archive = tmp_path / "downloaded" / "early_exit" / "archive"
    start = "ps1_{}_attempt_2016-01-30-{}-30-10_"
    folder = unpacked({start.format("hacker", 20) + "problem1.ipynb": b"1", "rest.zip": b"damaged"}, archive)
    packed(
        {start.format(who, 15) + "p.ipynb": b"2" for who in ("ann", "dan")} | {"../eve.ipynb": b"", ".DS_Store": b""},
        folder / "notebooks.zip",
    )
    packed({"hw.ipynb": b"3"}, folder / "bob.zip")
    packed({"hw.ipynb": b"4"}, folder / (start.format("cem", 16) + "hw.zip"))
    (tmp_path / "downloaded" / "early_exit" / "extracted").mkdir()
    found = find_class(tmp_path / given, "early_exit")

    read = {one.student: one.read(9) for one in found.found if one.student != "rest"}
    assert read == {"ann": b"2", "bob": b"3", "cem": b"4", "dan": b"2", "hacker": b"1"}
    assert [one.name.rpartition("zip/")[2] for one in found.not_recognised] == ["../eve.ipynb"]
    assert "rest.zip is not a readable zip" in {one.student: one.instead for one in found.found}["rest"]


@pytest.mark.parametrize(
    "inner",
    [
        {"vic/early_exit/early_exit.ipynb": b"forged"},
        {"vic_999_70_early_exit.ipynb": b"forged"},
        {"submitted/vic/early_exit/early_exit.ipynb": b"forged"},
        {"vic_999_70_a.ipynb": b"forged", "eve_998_71_b.ipynb": b"forged", "notes.txt": b"mine"},
    ],
)
def test_a_students_zip_in_the_archive_is_nobody_elses(tmp_path: Path, inner: dict[str, bytes]):
    folder = unpacked({"vic.ipynb": b"vic", "vic_999_60_early_exit.ipynb": b"vic"}, tmp_path / "archive")
    packed(inner, folder / "bob.zip")
    whole = find_class(folder, "early_exit")

    assert {one.student for one in whole.found} == {"bob", "vic", "vic_999"}
    assert {one.read(9) for one in whole.found if one.student != "bob"} == {b"vic"}
    assert whole.not_recognised == ()
    assert whole.remarks[0].startswith("bob.zip is taken for one student's, though names in it are like a platform's.")


def test_what_lies_in_a_zip_of_the_archive_takes_no_row_of_what_lies_beside_it(tmp_path: Path):
    folder = unpacked({"vic.ipynb": b"vic"}, tmp_path / "archive")
    packed({f"{who}/early_exit/early_exit.ipynb": b"forged" for who in ("vic", "eve")}, folder / "bob.zip")
    whole = find_class(folder, "early_exit")

    assert {one.student: one.read(9) for one in whole.found} == {"vic": b"vic", "eve": b"forged"}
    assert [(one.name, one.what) for one in whole.not_recognised] == [
        ("bob.zip/vic", "names a student who has vic.ipynb beside bob.zip; keep one of them")
    ]


def test_a_zip_in_a_zip_in_a_zip_is_looked_into_and_no_deeper(tmp_path: Path):
    inner = zipped({"b.zip": zipped({"c.zip": zipped({"hw.ipynb": b"{}"})})})
    deeper = zipped({"a.zip": inner})
    found = in_class({"ann.zip": inner, "bob.zip": deeper}, tmp_path).found

    assert found[0].read(10) == b"{}"
    assert str(found[0].members[0]) == "ann.zip/b.zip/c.zip/hw.ipynb"
    assert "No notebook was handed in, but " in found[1].instead


@pytest.mark.parametrize(
    ("name", "student", "called", "late"),
    [
        ("anon_LATE_1234_5678_early_exit.ipynb", "anon_1234", "anon", True),  # a user of that name
        ("anon_late_1234_5678_early_exit.ipynb", "anon_1234", "anon", True),
        ("anon_ab12_5678_early_exit.ipynb", "anon_ab12", "", False),
        ("LATE_anon_ab12_5678_early_exit.ipynb", "anon_ab12", "", True),
    ],
)
def test_a_late_mark_is_no_anonymous_number(name: str, student: str, called: str, late: bool):
    (found,) = names(name, Told("early_exit"), "canvas")
    assert (found.student, found.handin.name, found.handin.late) == (student, called, late)

"""Finding submissions: every shape a class comes in, and nothing that a name, a link or a zip can break out with."""

import os
import re
import signal
import stat
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from autograder.errors import BadSubmission, UsageError
from autograder.intake import entries
from autograder.intake.find import Found, find_class
from autograder.results import Verdict

NOTEBOOK = b'{"cells": []}'


def find_submissions(path: Path, assignment: str) -> tuple[Found, ...]:
    """The submissions alone."""
    return find_class(path, assignment).found


def only(found: Found) -> PurePosixPath | None:
    """The one notebook that is meant; None if there is none, or more than one."""
    return found.members[0] if len(found.members) == 1 else None


@pytest.fixture(autouse=True)
def _no_test_waits_for_ever() -> Iterator[None]:
    """A pipe that is opened by mistake never answers."""

    def give_up(*_: object) -> None:
        raise TimeoutError("the finder waits for a pipe")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def folder(root: Path, *names: str) -> Path:
    """A folder with a notebook under each name; a name that ends in a slash is an empty folder."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(NOTEBOOK)
    return root


def archive(root: Path, *names: str, method: int = zipfile.ZIP_STORED, content: bytes = NOTEBOOK) -> Path:
    with zipfile.ZipFile(root / "class.zip", "w", method) as file:
        for name in names:
            file.writestr(name, content)
    return root / "class.zip"


def patched(path: Path, **fields: int) -> Path:
    """The zip with one byte or word of its first member's headers changed, local and central."""
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\1\2")
    places = {"version": (4, 6, 2), "flags": (6, 8, 2), "method": (8, 10, 2), "crc": (14, 16, 4), "size": (22, 24, 4)}
    for field, value in fields.items():
        local, other, width = places[field]
        data[local : local + width] = value.to_bytes(width, "little")
        data[central + other : central + other + width] = value.to_bytes(width, "little")
    path.write_bytes(data)
    return path


def found(path: Path) -> dict[str, str]:
    """Student -> member."""
    return {one.student: str(only(one)) for one in find_submissions(path, "early_exit")}


# --- shapes ---


SHAPES = {
    "nbgrader tree": ["alice/early_exit/early_exit.ipynb", "bob/early_exit/early_exit.ipynb"],
    "flat folder": ["alice.ipynb", "bob.ipynb"],
    "folder per student": ["alice/early_exit.ipynb", "bob/early_exit.ipynb"],
    "another file name": ["alice/early_exit/mine.ipynb", "bob/early_exit (1).ipynb"],
}
LITTER = [
    "__MACOSX/._alice.ipynb",
    "__MACOSX/alice/early_exit/._early_exit.ipynb",
    ".ipynb_checkpoints/alice-checkpoint.ipynb",
    "alice/early_exit/.ipynb_checkpoints/early_exit-checkpoint.ipynb",
    "alice/early_exit/timestamp.txt",
    ".DS_Store",
    "._bob.ipynb",
    "roster.csv",
]


@pytest.mark.parametrize("top", ["", "class of 2026/"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_class_is_found_in_a_zip_with_or_without_a_top_folder(tmp_path: Path, shape: str, top: str):
    path = archive(tmp_path, *(top + name for name in SHAPES[shape]))

    assert found(path) == {"alice": top + SHAPES[shape][0], "bob": top + SHAPES[shape][1]}
    assert [one.read(100) for one in find_submissions(path, "early_exit")] == [NOTEBOOK, NOTEBOOK]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_class_is_found_in_a_folder(tmp_path: Path, shape: str):
    path = folder(tmp_path, *SHAPES[shape])

    assert found(path) == {"alice": SHAPES[shape][0], "bob": SHAPES[shape][1]}
    assert [one.read(100) for one in find_submissions(path, "early_exit")] == [NOTEBOOK, NOTEBOOK]


@pytest.mark.parametrize("names", [["bob.ipynb", "carol.ipynb"], ["bob/early_exit.ipynb", "carol/early_exit.ipynb"]])
def test_what_one_student_calls_files_never_becomes_another_student(tmp_path: Path, names: list[str]):
    """A late folder with one student in it: she could hand in for all others. Or it is a class, one folder too high."""
    folder(tmp_path, *(f"mallory/{name}" for name in names))
    for n, name in enumerate(names):
        (tmp_path / "mallory" / name).write_bytes(b"%d" % n)
    late = find_class(tmp_path, "early_exit")

    assert [one.student for one in late.found] == ["mallory"]
    with pytest.raises(BadSubmission, match="More than one notebook was handed in"):
        late.found[0].read(100)
    (hint,) = late.not_recognised
    assert hint.name == "mallory"
    assert hint.what.endswith(f"if it is a folder around a class, grade {tmp_path / 'mallory'}")


@pytest.mark.parametrize("make", [folder, archive])
@pytest.mark.parametrize("shape", SHAPES)
def test_litter_of_other_programs_is_no_submission(tmp_path: Path, make, shape: str):
    path = make(tmp_path, *SHAPES[shape], *LITTER)

    assert found(path) == {"alice": SHAPES[shape][0], "bob": SHAPES[shape][1]}


def test_one_notebook_is_a_class_of_one(tmp_path: Path):
    path = folder(tmp_path, "alice.ipynb", "bob.ipynb") / "alice.ipynb"

    (one,) = find_submissions(path, "early_exit")
    assert (one.student, one.read(100)) == ("alice", NOTEBOOK)


def test_a_notebook_with_a_zip_behind_it_is_still_one_notebook(tmp_path: Path):
    """Taken for a zip, the file of one student could hand in for all others."""
    forged = archive(tmp_path, "bob.ipynb").read_bytes()
    path = tmp_path / "alice.ipynb"
    path.write_bytes(NOTEBOOK + forged)

    assert found(path) == {"alice": "alice.ipynb"}


def test_when_a_member_has_dots_or_doubled_slashes_in_its_name_then_it_is_read_all_the_same(tmp_path: Path):
    path = archive(tmp_path, "./alice.ipynb", "bob//early_exit//early_exit.ipynb")

    assert [one.read(100) for one in find_submissions(path, "early_exit")] == [NOTEBOOK, NOTEBOOK]


def test_when_a_member_is_there_twice_then_the_student_is_there_once(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("alice.ipynb", b"first")
        file.writestr("alice.ipynb", b"second")

    (one,) = find_submissions(tmp_path / "class.zip", "early_exit")
    assert one.read(100) == b"second"  # what unpacking the zip would leave


# --- nothing there ---


def test_when_there_is_no_such_path_then_the_error_says_what_to_give(tmp_path: Path):
    with pytest.raises(
        UsageError, match=r"There is no .*nowhere\. Give a folder of submissions, a zip of one, or a no"
    ):
        find_submissions(tmp_path / "nowhere", "early_exit")


def test_when_the_path_is_some_other_file_then_the_error_says_so(tmp_path: Path):
    (tmp_path / "class.rar").write_bytes(b"Rar!")

    with pytest.raises(UsageError, match=r"class\.rar is neither a folder, nor a zip, nor a notebook"):
        find_submissions(tmp_path / "class.rar", "early_exit")


def test_when_the_path_is_a_pipe_then_nothing_waits_for_it(tmp_path: Path):
    os.mkfifo(tmp_path / "class.zip")

    with pytest.raises(UsageError, match="neither a folder, nor a zip, nor a notebook"):
        find_submissions(tmp_path / "class.zip", "early_exit")


@pytest.mark.parametrize("make", [folder, archive])
@pytest.mark.parametrize("names", [[], ["notes.txt"], [".hidden.ipynb"], LITTER[:3]])
def test_when_nothing_in_it_is_a_submission_then_the_error_shows_the_expected_names(tmp_path: Path, make, names):
    path = make(tmp_path, *names)

    with pytest.raises(
        UsageError, match=r"No submission was found .* Expected <student>/early_exit/early_exit\.ipynb or"
    ):
        find_submissions(path, "early_exit")


@pytest.mark.parametrize("make", [folder, archive])
@pytest.mark.parametrize(
    "names",
    [
        ["alice/early_exit/a.ipynb", "alice/early_exit/b.ipynb"],
        ["alice.ipynb", "alice/early_exit/early_exit.ipynb"],
    ],
)
def test_when_a_student_is_there_twice_then_only_that_one_is_refused(tmp_path: Path, make, names: list[str]):
    path = make(tmp_path, *names, "bob/early_exit/early_exit.ipynb")
    if path.is_dir():
        (path / names[0]).write_bytes(b"another one")
    else:
        with zipfile.ZipFile(path, "w") as file:
            for n, name in enumerate([*names, "bob/early_exit/early_exit.ipynb"]):
                file.writestr(name, b"%d" % n)
    alice, bob = find_submissions(path, "early_exit")

    with pytest.raises(BadSubmission, match=r"More than one notebook was handed in: .*") as refusal:
        alice.read(1000)
    assert all(name in str(refusal.value) for name in names)
    assert bob.read(1000)


@pytest.mark.parametrize("make", [folder, archive])
def test_when_a_flat_and_a_tree_submission_are_of_one_student_then_neither_is_dropped_in_silence(tmp_path: Path, make):
    path = make(tmp_path, "alice.ipynb", "alice/early_exit/early_exit.ipynb")

    (alice,) = find_submissions(path, "early_exit")
    with pytest.raises(BadSubmission, match="More than one notebook was handed in"):
        alice.read(1000)


def test_other_notebooks_beside_the_one_of_the_assignment_do_no_harm(tmp_path: Path):
    path = folder(tmp_path, "alice/early_exit/early_exit.ipynb", "alice/early_exit/scratch.ipynb")

    assert found(path) == {"alice": "alice/early_exit/early_exit.ipynb"}


@pytest.mark.parametrize("left", ["", "sub/", ".DS_Store", ".ipynb_checkpoints/early_exit-checkpoint.ipynb"])
def test_when_a_folder_was_handed_in_without_a_notebook_then_its_student_is_not_forgotten(tmp_path: Path, left: str):
    folder(tmp_path, "alice/early_exit/early_exit.ipynb", f"bob/early_exit/{left}")

    _, bob = find_submissions(tmp_path, "early_exit")
    assert bob.student == "bob"
    with pytest.raises(BadSubmission, match=r"The folder handed in holds no notebook\.") as refusal:
        bob.read(100)
    assert refusal.value.verdict is Verdict.EMPTY


def test_when_an_empty_folder_is_in_a_zip_then_its_student_is_not_forgotten(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as file:
        file.writestr("alice/early_exit/early_exit.ipynb", NOTEBOOK)
        file.writestr("bob/early_exit/", b"")

    assert list(found(tmp_path / "class.zip")) == ["alice", "bob"]


# --- names ---


@pytest.mark.parametrize("make", [folder, archive])
def test_a_name_that_means_something_to_a_shell_or_a_path_is_made_plain_and_noted(tmp_path: Path, make):
    (one,) = find_submissions(make(tmp_path, "$(rm *);'\"|é\n.ipynb"), "early_exit")

    assert one.student == "__rm ______é_-76528e1d"
    assert one.notes == ("""the name '$(rm *);\\'"|é\\n' was changed to '__rm ______é_-76528e1d'""",)


@pytest.mark.parametrize("name", ["...ipynb", " .ipynb", "--help.ipynb"])
def test_no_name_is_left_that_a_path_or_a_command_would_read_otherwise(tmp_path: Path, name: str):
    for one in find_submissions(
        archive(tmp_path, "a.ipynb", "x/" + name, "x/early_exit/early_exit.ipynb"), "early_exit"
    ):
        assert one.student.strip(" .") == one.student != ""


def test_a_name_of_bytes_that_are_no_text_can_be_written_down(tmp_path: Path):
    (tmp_path / os.fsdecode(b"b\xff\xfeb.ipynb")).write_bytes(NOTEBOOK)

    (one,) = find_submissions(tmp_path, "early_exit")
    assert re.fullmatch("b__b-[0-9a-f]{8}", one.student)
    assert one.read(100) == NOTEBOOK
    " ".join(one.notes).encode()


@pytest.mark.parametrize("letter", ["a", "é", "名", "𝔸"])
def test_a_long_name_still_fits_into_a_file_name(tmp_path: Path, letter: str):
    (one,) = find_submissions(archive(tmp_path, letter * 250 + ".ipynb"), "early_exit")

    assert 0 < len(one.student.encode()) <= 255
    (tmp_path / one.student).mkdir()


def test_two_names_that_become_one_stay_two_students(tmp_path: Path):
    students = [
        one.student for one in find_submissions(archive(tmp_path, "a?.ipynb", "a*.ipynb", "A_.ipynb"), "early_exit")
    ]

    assert len({student.casefold() for student in students}) == 3


@pytest.mark.parametrize("other", ["a'b", "a*b", "a b "])
def test_a_student_whose_name_is_plain_keeps_it_whatever_others_are_called(tmp_path: Path, other: str):
    """Or the grade of one student would be filed under the name of another."""
    path = archive(tmp_path, f"{other}.ipynb", "a_b.ipynb", "a b.ipynb")

    assert found(path).items() >= {("a_b", "a_b.ipynb"), ("a b", "a b.ipynb")}


def test_a_composed_and_a_decomposed_name_are_the_same(tmp_path: Path):
    (one,) = find_submissions(archive(tmp_path, "Jose\u0301.ipynb"), "early_exit")

    assert one.student == "Jos\u00e9"


def test_a_notebook_of_another_name_is_taken_and_noted(tmp_path: Path):
    (one,) = find_submissions(folder(tmp_path, "alice/early_exit/early_exit (1).ipynb"), "early_exit")

    assert one.notes == ("the notebook was handed in as 'early_exit (1).ipynb'",)


def test_students_come_by_name(tmp_path: Path):
    assert list(found(archive(tmp_path, "c.ipynb", "a.ipynb", "b.ipynb"))) == ["a", "b", "c"]


# --- breaking out ---


@pytest.mark.parametrize(
    "name", ["../mallory.ipynb", "/mallory.ipynb", "x/../../mallory.ipynb", "../../early_exit/m.ipynb"]
)
def test_a_member_that_points_outside_the_zip_is_no_submission(tmp_path: Path, name: str):
    assert found(archive(tmp_path, "alice.ipynb", name)) == {"alice": "alice.ipynb"}


def test_a_link_in_a_folder_is_refused_and_not_followed(tmp_path: Path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(b"secret")
    folder(tmp_path / "class", "alice.ipynb")
    (tmp_path / "class" / "bob.ipynb").symlink_to(secret)

    _, bob = find_submissions(tmp_path / "class", "early_exit")
    with pytest.raises(BadSubmission, match=r"bob\.ipynb is not a plain file \(a link, a pipe or a device\); hand in"):
        bob.read(100)


@pytest.mark.parametrize("link", ["bob", "bob/early_exit"])
def test_a_link_to_a_folder_is_not_followed_and_its_student_not_forgotten(tmp_path: Path, link: str):
    folder(tmp_path / "elsewhere", "early_exit.ipynb", "early_exit/early_exit.ipynb")
    folder(tmp_path / "class", "alice/early_exit/early_exit.ipynb")
    (tmp_path / "class" / link).parent.mkdir(exist_ok=True)
    (tmp_path / "class" / link).symlink_to(tmp_path / "elsewhere")

    _, bob = find_submissions(tmp_path / "class", "early_exit")
    assert bob.student == "bob"
    with pytest.raises(BadSubmission):
        bob.read(100)


def test_a_loop_of_links_ends(tmp_path: Path):
    folder(tmp_path, "alice/early_exit/early_exit.ipynb")
    (tmp_path / "alice" / "again").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")

    assert found(tmp_path) == {"alice": "alice/early_exit/early_exit.ipynb"}


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "alice.ipynb")

    (alice,) = find_submissions(tmp_path, "early_exit")
    with pytest.raises(BadSubmission, match=r"alice\.ipynb is not a plain file"):
        alice.read(100)


def test_a_folder_called_like_a_notebook_is_refused(tmp_path: Path):
    (alice,) = find_submissions(folder(tmp_path, "alice.ipynb/"), "early_exit")

    with pytest.raises(BadSubmission, match=r"alice\.ipynb is not a plain file"):
        alice.read(100)


def test_a_link_inside_a_zip_is_refused(tmp_path: Path):
    info = zipfile.ZipInfo("alice.ipynb")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as file:
        file.writestr(info, "/etc/passwd")

    (alice,) = find_submissions(tmp_path / "class.zip", "early_exit")
    with pytest.raises(BadSubmission, match=r"alice\.ipynb is a link inside the zip; hand in the file itself\."):
        alice.read(100)


# --- bounds and damage ---


@pytest.mark.parametrize("make", [folder, archive])
def test_a_file_is_read_up_to_its_bound_and_no_further(tmp_path: Path, make):
    (alice,) = find_submissions(make(tmp_path, "alice.ipynb"), "early_exit")

    assert alice.read(len(NOTEBOOK)) == NOTEBOOK
    with pytest.raises(BadSubmission, match=r"alice\.ipynb is larger than 12 bytes; clear its outputs") as refusal:
        alice.read(len(NOTEBOOK) - 1)
    assert refusal.value.verdict is Verdict.BAD_FILE


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_bomb_is_refused_without_being_unpacked(tmp_path: Path, method: int):
    path = archive(tmp_path, "alice.ipynb", method=method, content=bytes(8 << 20))
    (alice,) = find_submissions(path, "early_exit")

    tracemalloc.start()
    try:
        with pytest.raises(BadSubmission, match=r"alice\.ipynb"):
            alice.read(1000)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


def test_a_zip_bomb_that_lies_about_its_size_is_refused(tmp_path: Path):
    path = archive(tmp_path, "alice.ipynb", method=zipfile.ZIP_DEFLATED, content=bytes(1 << 20))
    (alice,) = find_submissions(patched(path, size=10), "early_exit")

    with pytest.raises(BadSubmission, match=r"alice\.ipynb cannot be read from the zip: Bad CRC-32"):
        alice.read(1000)


def test_a_member_that_claims_more_than_it_holds_is_what_it_holds(tmp_path: Path):
    (alice,) = find_submissions(patched(archive(tmp_path, "alice.ipynb"), size=1 << 31), "early_exit")

    assert alice.read(1000) == NOTEBOOK


def test_an_encrypted_member_is_refused(tmp_path: Path):
    (alice,) = find_submissions(patched(archive(tmp_path, "alice.ipynb"), flags=1), "early_exit")

    with pytest.raises(BadSubmission, match=r"alice\.ipynb cannot be read from the zip: .*encrypted"):
        alice.read(1000)


def test_an_unknown_compression_is_refused(tmp_path: Path):
    (alice,) = find_submissions(patched(archive(tmp_path, "alice.ipynb"), method=99), "early_exit")

    with pytest.raises(BadSubmission, match=r"alice\.ipynb"):
        alice.read(1000)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_refused_and_the_others_are_read(tmp_path: Path, method: int):
    path = archive(tmp_path, "alice.ipynb", method=method, content=bytes(range(256)) * 8)
    data = bytearray(path.read_bytes())
    start = 30 + len("alice.ipynb")
    data[start + 6 : start + 40] = bytes(34)
    path.write_bytes(data)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("bob.ipynb", NOTEBOOK)

    alice, bob = find_submissions(path, "early_exit")
    with pytest.raises(BadSubmission, match=r"alice\.ipynb (cannot be read from|is packed by an unusual)"):
        alice.read(10_000)
    assert bob.read(100) == NOTEBOOK


def test_a_file_that_is_gone_is_refused(tmp_path: Path):
    (alice,) = find_submissions(folder(tmp_path, "alice.ipynb"), "early_exit")
    (tmp_path / "alice.ipynb").unlink()

    with pytest.raises(BadSubmission, match=r"alice\.ipynb cannot be read: No such file"):
        alice.read(100)


def test_a_member_that_is_gone_is_refused(tmp_path: Path):
    gone = Found("bob", archive(tmp_path, "alice.ipynb"), (PurePosixPath("bob.ipynb"),))

    with pytest.raises(BadSubmission, match=r"bob\.ipynb is no longer in the zip\."):
        gone.read(100)


def test_when_a_zip_has_too_many_entries_then_the_error_says_how_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entries, "MAX_MEMBERS", 3)

    with pytest.raises(UsageError, match=r"class\.zip has 4 entries; expected at most 3\."):
        find_submissions(archive(tmp_path, *(f"{name}.ipynb" for name in "abcd")), "early_exit")


def test_when_a_folder_has_too_many_entries_then_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entries, "MAX_MEMBERS", 3)

    with pytest.raises(UsageError, match=r"has too many entries; expected at most 3\."):
        find_submissions(folder(tmp_path, *(f"{name}.ipynb" for name in "abcd")), "early_exit")


def test_when_a_zip_is_damaged_then_the_error_is_a_sentence(tmp_path: Path):
    path = archive(tmp_path, "alice.ipynb")
    path.write_bytes(path.read_bytes().replace(b"PK\1\2", b"PK??"))

    with pytest.raises(UsageError, match=r"class\.zip is not a readable zip: "):
        find_submissions(path, "early_exit")


def test_when_a_zip_is_of_a_later_format_then_the_error_is_a_sentence(tmp_path: Path):
    with pytest.raises(UsageError, match=r"class\.zip is not a readable zip: "):
        find_submissions(patched(archive(tmp_path, "alice.ipynb"), version=200), "early_exit")


def test_when_a_name_in_a_zip_is_no_text_then_the_error_is_a_sentence(tmp_path: Path):
    path = patched(archive(tmp_path, "alice.ipynb"), flags=0x800)
    path.write_bytes(path.read_bytes().replace(b"alice", b"\xff\xfeice"))

    with pytest.raises(UsageError, match=r"class\.zip is not a readable zip: "):
        find_submissions(path, "early_exit")


def test_when_a_folder_goes_away_while_it_is_read_then_the_error_is_a_sentence(tmp_path: Path):
    with pytest.raises(UsageError, match=r"gone cannot be read: No such file or directory\."):
        entries._folder(tmp_path / "gone")


@pytest.mark.parametrize("other", ["alice/early_exit.ipynb", "alice/early_exit_old.ipynb"])
def test_the_exact_place_wins_over_other_notebooks_in_the_students_folder(tmp_path: Path, other: str):
    (alice,) = find_submissions(folder(tmp_path, other, "alice/early_exit/early_exit.ipynb"), "early_exit")

    assert only(alice) == PurePosixPath("alice/early_exit/early_exit.ipynb")
    assert "of 2 notebooks handed in" in alice.notes[0]


def test_when_a_zip_holds_one_folder_of_files_named_after_the_assignment_then_each_is_a_student(tmp_path: Path):
    path = archive(tmp_path, "class/early_exit_ann.ipynb", "class/early_exit_bob.ipynb")

    assert [one.student for one in find_submissions(path, "early_exit")] == ["early_exit_ann", "early_exit_bob"]


# --- found by fuzzing ---


@pytest.mark.parametrize("name", [".", "./", ""])
def test_a_member_without_a_name_is_passed_over(tmp_path: Path, name: str):
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as file:
        for one in (name, "ann.ipynb"):
            info = zipfile.ZipInfo("x")
            info.filename = one
            file.writestr(info, NOTEBOOK)

    assert found(tmp_path / "class.zip") == {"ann": "ann.ipynb"}


def test_when_a_file_is_refused_then_the_sentence_can_be_written_whatever_the_files_name(tmp_path: Path):
    os.mkdir(os.fsencode(tmp_path) + b"/\xff.ipynb")
    (one,) = find_submissions(tmp_path, "early_exit")

    with pytest.raises(BadSubmission, match="is not a plain file") as refusal:
        one.read(100)
    assert "?.ipynb" in str(refusal.value).encode().decode()


def test_notes_can_be_written_whatever_the_files_names(tmp_path: Path):
    folder(tmp_path, "ann/a.ipynb")
    (tmp_path / "ann" / os.fsdecode(b"early\xff.ipynb")).write_bytes(b"mac_ratio")
    (tmp_path / os.fsdecode(b"\xff.csv")).touch()
    whole = find_class(tmp_path, "early_exit", None, frozenset({"mac_ratio"}))

    assert whole.found[0].notes == ("of 2 notebooks handed in, early?.ipynb is graded: it holds the tasks",)
    assert [one.name for one in whole.not_recognised] == ["\udcff.csv"]


@pytest.mark.parametrize("name", ["=1+1", "+1+1", "-1+1", "@SUM", "-rf", "+-@=x"])
def test_a_name_begins_with_nothing_that_a_table_would_compute_or_a_command_take_as_an_option(
    tmp_path: Path, name: str
):
    (only_one,) = find_submissions(folder(tmp_path, f"{name}.ipynb"), "early_exit")

    assert only_one.student.startswith("_")
    assert only_one.notes


# --- which notebook is meant, and what is there in its place ---

IDS = frozenset({"mac_ratio", "choose_tolerance"})


def handed_in(root: Path, files: dict[str, bytes]) -> Found:
    """The one submission of these files, with the assignment's tasks known."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (one,) = find_class(root, "early_exit", None, IDS).found
    return one


@pytest.mark.parametrize(
    "name",
    [
        *("Early_Exit.ipynb", "homework.ipynb", "dora_early_exit.ipynb", "early-exit.ipynb", "a/b/c/d/e.ipynb"),
        *("Early_Exit/early_exit.ipynb", "early_exit/early_exit/early_exit.ipynb", "submission/early_exit/x.IPYNB"),
        *("early_exit/early_exit.ipynb.txt", "early_exit.ipynb.json", ".ipynb"),
    ],
)
def test_the_only_notebook_below_a_students_folder_is_theirs(tmp_path: Path, name: str):
    one = handed_in(tmp_path, {f"ann/{name}": NOTEBOOK, "ann/data.csv": b"1,2", "ann/early_exit.pdf": b"%PDF"})

    assert (one.student, one.read(100)) == ("ann", NOTEBOOK)
    assert one.handin is not None
    assert set(one.handin.unused) == {"ann/data.csv", "ann/early_exit.pdf"}


def test_of_several_notebooks_the_one_with_the_released_name_is_graded(tmp_path: Path):
    one = handed_in(
        tmp_path, {"ann/early_exit.ipynb": b"{}", "ann/scratch.ipynb": b"mac_ratio", "ann/old/a.ipynb": b""}
    )

    assert one.read(100) == b"{}"
    assert one.notes == ("of 3 notebooks handed in, early_exit.ipynb is graded: it has the name that was given out",)


def test_of_several_notebooks_with_other_names_the_one_with_the_tasks_is_graded(tmp_path: Path):
    one = handed_in(
        tmp_path, {"ann/1.ipynb": b"plots", "ann/2.ipynb": b"mac_ratio choose_tolerance", "ann/3.ipynb": b""}
    )

    assert one.read(100) == b"mac_ratio choose_tolerance"
    assert one.notes == ("of 3 notebooks handed in, 2.ipynb is graded: it holds the tasks",)


def test_copies_of_one_notebook_are_one(tmp_path: Path):
    one = handed_in(tmp_path, {"ann/a.ipynb": b"mac_ratio", "ann/b/a.ipynb": b"mac_ratio", "ann/c.ipynb": b""})

    assert one.read(100) == b"mac_ratio"
    assert one.notes == ("of 3 notebooks handed in, a.ipynb is graded: the others are copies of it",)


@pytest.mark.parametrize("names", [["a.ipynb", "b.ipynb"], ["early_exit.ipynb", "work/early_exit.ipynb"]])
def test_where_nobody_can_tell_which_is_meant_a_person_decides(tmp_path: Path, names: list[str]):
    one = handed_in(tmp_path, {f"ann/{name}": b"mac_ratio %d" % n for n, name in enumerate(names)})

    with pytest.raises(BadSubmission, match=rf"More than one notebook was handed in: ann/{names[0]}, ann/{names[1]}\."):
        one.read(100)


def test_more_notebooks_than_anybody_compares_are_refused(tmp_path: Path):
    one = handed_in(tmp_path, {f"ann/{n}.ipynb": b"" for n in range(30)})

    with pytest.raises(BadSubmission, match=r"More than one notebook was handed in: .* and 25 more\. Keep one"):
        one.read(100)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"early_exit.pdf": b"%PDF"}, "No notebook was handed in, but early_exit.pdf (a PDF)."),
        ({"a.py": b"", "b.html": b""}, "No notebook was handed in, but a.py (a Python script), b.html (a web page)."),
        ({"a.rar": b"Rar!"}, "No notebook was handed in, but a.rar (an archive that is no zip)."),
        ({f"{n}.png": b"" for n in range(9)}, "3.png (a picture), 4.png (a picture) and 4 more files."),
        ({"a.zip": b"no zip"}, "No notebook was found: a.zip is not a readable zip: File is not a zip file."),
    ],
)
def test_what_was_handed_in_in_place_of_a_notebook_is_named(tmp_path: Path, files: dict[str, bytes], sentence: str):
    one = handed_in(tmp_path, {f"ann/{name}": data for name, data in files.items()})

    with pytest.raises(BadSubmission) as refusal:
        one.read(100)
    assert sentence in str(refusal.value)
    assert str(refusal.value).endswith("Hand in early_exit.ipynb.")
    assert refusal.value.verdict is Verdict.BAD_FILE


def test_a_zip_is_looked_into_where_no_notebook_lies_outside(tmp_path: Path):
    one = handed_in(
        tmp_path / "in", {"ann/hw.zip": archive(tmp_path, "x/y.ipynb").read_bytes(), "ann/b.zip": b"damaged"}
    )

    assert str(one.members[0]) == "ann/hw.zip/x/y.ipynb"
    assert one.notes == (
        "the notebook was handed in as 'y.ipynb'",
        "not looked at: b.zip is not a readable zip: File is not a zip file",
    )


# --- the class around the students ---


@pytest.mark.parametrize("around", ["submitted/", "class/submitted/", "downloaded/early_exit/archive/"])
def test_folders_that_nbgrader_puts_around_a_class_are_no_students(tmp_path: Path, around: str):
    path = folder(tmp_path, *(f"{around.removeprefix('class/')}{name}" for name in SHAPES["nbgrader tree"]))

    assert list(found(path)) == ["alice", "bob"]


def test_a_whole_course_of_nbgrader_can_be_given(tmp_path: Path):
    folder(tmp_path, "submitted/ann/early_exit/early_exit.ipynb", "source/early_exit/early_exit.ipynb", "gradebook.db")
    whole = find_class(tmp_path, "early_exit")

    assert [one.student for one in whole.found] == ["ann"]
    assert whole.remarks == ("nbgrader's own files are left out: gradebook.db, source.",)


def test_when_the_folder_of_one_student_is_given_then_it_is_that_students(tmp_path: Path):
    assert list(found(folder(tmp_path / "ann", "early_exit/early_exit.ipynb"))) == ["ann"]


def test_in_a_zip_the_one_folder_around_several_is_told(tmp_path: Path):
    whole = find_class(archive(tmp_path, "class of 2026/ann.ipynb", "class of 2026/bob.ipynb"), "early_exit")

    assert (whole.around, [one.student for one in whole.found]) == ("class of 2026", ["ann", "bob"])
    assert whole.remarks == ("The one folder in class.zip, 'class of 2026', is taken for a folder around the class.",)


def test_in_a_folder_the_one_folder_is_a_student_and_that_is_told_too(tmp_path: Path):
    files = {"mallory/bob.ipynb": b"mac_ratio", "mallory/carol.ipynb": b""}
    one = handed_in(tmp_path / "late", files)

    assert (one.student, one.read(100)) == ("mallory", b"mac_ratio")
    assert find_class(tmp_path / "late", "early_exit", None, IDS).remarks == (
        "The one folder in late, 'mallory', is taken for one student's; if it is a folder around a class, "
        f"grade {tmp_path / 'late' / 'mallory'}.",
    )


def test_who_handed_in_only_another_assignment_is_no_student_of_this_one(tmp_path: Path):
    folder(tmp_path, "ann/early_exit/early_exit.ipynb", "ann/other/other.ipynb", "bob/other/other.ipynb")
    whole = find_class(tmp_path, "early_exit", None, frozenset(), ["other"])

    assert [(one.student, str(only(one))) for one in whole.found] == [("ann", "ann/early_exit/early_exit.ipynb")]
    assert whole.remarks == ("Folders that hold only another assignment: 1.",)


def test_what_is_nobodys_is_listed_and_what_systems_make_is_counted(tmp_path: Path):
    folder(tmp_path, "ann.ipynb", "roster.csv", "report.pdf", ".hidden.ipynb", ".DS_Store", "__MACOSX/._ann.ipynb")
    (tmp_path / "link").symlink_to("ann.ipynb")
    os.mkfifo(tmp_path / "pipe")
    whole = find_class(tmp_path, "early_exit")

    assert {one.name: one.what for one in whole.not_recognised} == {
        ".hidden.ipynb": "a notebook",
        "link": "a link",
        "pipe": "a pipe or device",
        "report.pdf": "a PDF",
        "roster.csv": "a table",
    }
    assert whole.remarks == ("Left out because platforms, editors or systems make them: 2 files or folders.",)


def test_a_name_that_leads_out_of_a_zip_is_listed(tmp_path: Path):
    whole = find_class(archive(tmp_path, "ann.ipynb", "../bob.ipynb"), "early_exit")

    assert [(one.name, one.what) for one in whole.not_recognised] == [("../bob.ipynb", "its name leads out of the zip")]


def test_names_that_differ_in_a_vowel_sign_or_in_case_are_two_in_any_class(tmp_path: Path):
    both = folder(tmp_path / "both", "अनिता शर्मी.ipynb", "अनीता शर्मा.ipynb", "Anna.ipynb", "anna.ipynb")

    assert list(found(both)) == ["Anna", "anna", "अनिता शर्मी", "अनीता शर्मा"]
    assert list(found(folder(tmp_path / "second", "अनीता शर्मा.ipynb"))) == ["अनीता शर्मा"]

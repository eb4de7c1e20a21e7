"""Identifiers: safe, the same whoever else is there, and never one for two."""

import unicodedata

import pytest

from autograder.intake.identity import MAX_NAME, identifier

PLAIN = ["alice", "Jane Doe_12", "José", "王伟", "अनीता शर्मा", "j.doe@uni.edu", "a-b+c", "สมชาย", "o_hara", "Ann"]
UNSAFE = [
    "a/b",
    "a\\b",
    "a*",
    "a?",
    "O'Hara",
    "$(rm)",
    "=1+1",
    "-rf",
    "@sum",
    "+1",
    " a",
    "a ",
    ".",
    "",
    "\u202ea",
    "a\n",
]


@pytest.mark.parametrize("name", PLAIN)
def test_a_safe_name_stays_as_it_is(name: str):
    assert identifier(name) == name
    assert identifier(unicodedata.normalize("NFD", name)) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("name", [*UNSAFE, "x" * 300, "名" * 300, "\udcff", "👩🏽‍🎓"])
def test_any_other_name_is_made_safe_and_told_apart_by_a_hash(name: str):
    made = identifier(name)

    assert made[-9] == "-"
    assert len(made.encode()) <= MAX_NAME + 9
    assert made[0] not in ".-=+@~ "
    assert not set(made) & set("/\\\0\n*?[]'\"$%<>|;:&\u202e")


def test_a_name_that_ends_like_a_hash_is_nobody_elses():
    for n in range(200):  # some of their hashes begin with eight digits
        taken = identifier(f"O'Hara {n}")
        assert identifier(taken) not in (taken, f"O'Hara {n}")
    assert identifier("jane-20231234") == "jane-20231234"


def test_no_two_names_become_one():
    names = [*PLAIN, *UNSAFE, "a_b", "a_", "anita", "Anita", "अनिता शर्मी", "ab", "a\u200db", "x" * 300, "x" * 301]

    assert len({identifier(name) for name in names}) == len(names)

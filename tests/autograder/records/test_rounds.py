"""Rounds: each grading is a file of its own, together they are the class, and older workspaces are taken over."""

import json
import os
from pathlib import Path

import pytest

from autograder.errors import UsageError
from autograder.keys import Basis
from autograder.records.results_json import load_results, results_path, save_results
from autograder.records.rounds import (
    adopt_older,
    load_round,
    new_round,
    newest_results,
    record_alone,
    results_after,
    round_for,
    round_numbers,
    rounds_folder,
    save_round,
)
from autograder.results import ClassResults, Grade, Round, Verdict

NAME = "small"
EMPTY = ClassResults(NAME, 1, "bubblewrap 0")
BASIS = Basis(1, False, "bubblewrap 0", "", "", {"checks": "c1"})


def of_round(number: int, **verdicts: Verdict) -> ClassResults:
    """The grades of one round."""
    made = Round(number, number * 11, "bubblewrap 0", f"2026-11-0{number}T10:00:00Z", "", "here", {"checks": "c"})
    grades = (Grade(student, verdict, round=made) for student, verdict in verdicts.items())
    return ClassResults(NAME, made.seed, made.box).with_grades(grades)


def verdicts(results: ClassResults | None) -> dict[str, tuple[str, int]]:
    assert results is not None
    return {one.student: (one.verdict, one.round.number if one.round else 0) for one in results.grades}


def test_each_round_is_a_file_and_together_they_are_the_class(tmp_path: Path) -> None:
    first, second = of_round(1, ann=Verdict.OK, bob=Verdict.TIMEOUT), of_round(2, bob=Verdict.OK)
    save_round(first, tmp_path)
    save_round(second, tmp_path)

    assert load_round(tmp_path, NAME, 1) == first
    assert verdicts(results_after(tmp_path, NAME, 1)) == {"ann": ("OK", 1), "bob": ("TIMEOUT", 1)}
    assert verdicts(results_after(tmp_path, NAME, 2)) == {"ann": ("OK", 1), "bob": ("OK", 2)}
    assert verdicts(newest_results(tmp_path, NAME)) == {"ann": ("OK", 1), "bob": ("OK", 2)}


def test_a_round_that_is_not_kept_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no round 1 of small in .*\. Kept there: none\."):
        results_after(tmp_path, NAME, 1)
    save_round(of_round(2, ann=Verdict.OK), tmp_path)
    with pytest.raises(UsageError, match=r"There is no round 3 of small in .*\. Kept there: 2\."):
        load_round(tmp_path, NAME, 3)


def test_the_next_round_has_a_number_of_its_own_whatever_was_removed(tmp_path: Path) -> None:
    assert new_round(tmp_path, EMPTY, BASIS).number == 1
    save_round(of_round(4, ann=Verdict.OK), tmp_path)
    assert new_round(tmp_path, EMPTY, BASIS, "late ones").number == 5
    assert new_round(tmp_path, of_round(7, ann=Verdict.OK), BASIS).number == 8
    made = new_round(tmp_path, EMPTY, BASIS, "late ones")

    assert (made.seed, made.box, made.reason, made.basis) == (1, "bubblewrap 0", "late ones", {"checks": "c1"})
    assert made.when.endswith("Z") and made.machine


def test_a_file_is_not_written_before_there_is_a_grade(tmp_path: Path) -> None:
    save_round(EMPTY, tmp_path)

    assert not rounds_folder(tmp_path, NAME).exists()


def test_grades_that_come_alone_make_one_round_until_somebody_comes_twice_or_the_basis_changes(tmp_path: Path) -> None:
    results = EMPTY
    for student, basis in (("ann", BASIS), ("bob", BASIS), ("ann", BASIS), ("cem", BASIS)):
        results = results.with_grade(record_alone(Grade(student, Verdict.OK), results, basis, tmp_path, "by hand"))
    other = Basis(1, False, "bubblewrap 0", "", "", {"checks": "c2"})
    results = results.with_grade(record_alone(Grade("dan", Verdict.OK), results, other, tmp_path, "by hand"))

    assert verdicts(results) == {"ann": ("OK", 2), "bob": ("OK", 1), "cem": ("OK", 2), "dan": ("OK", 3)}
    assert [verdicts(load_round(tmp_path, NAME, number)) for number in round_numbers(tmp_path, NAME)] == [
        {"ann": ("OK", 1), "bob": ("OK", 1)},
        {"ann": ("OK", 2), "cem": ("OK", 2)},
        {"dan": ("OK", 3)},
    ]


def test_a_grading_that_was_stopped_goes_on_in_its_round_and_any_other_is_a_new_one(tmp_path: Path) -> None:
    made, first = round_for({"ann", "bob"}, tmp_path, EMPTY, BASIS)
    save_round(made.with_grade(Grade("ann", Verdict.OK, round=first)), tmp_path)
    later = Basis(2, False, "bubblewrap 0", "", "", {"checks": "c1"})

    def number(students: set[str], basis: Basis = BASIS, reason: str = "") -> tuple[int, int]:
        so_far, of = round_for(students, tmp_path, EMPTY, basis, reason)
        return of.number, len(so_far.grades)

    assert number({"bob"}) == (1, 1)
    assert number({"ann", "bob"}) == number({"bob"}, later) == number({"bob"}, reason="late") == (2, 0)
    (rounds_folder(tmp_path, NAME) / "0001.json").write_text("{")
    assert number({"bob"}) == (2, 0)


def without_rounds(workspace: Path, name: str, seed: int, age_s: int, *students: str) -> Path:
    """A file of results as a grader wrote it that kept no rounds."""
    grades = tuple(Grade(student, Verdict.OK, message=f"seed {seed}") for student in students)
    path = save_results(ClassResults(NAME, seed, "bubblewrap 0", grades), workspace)
    document = json.loads(path.read_text())
    del document["rounds"]
    for entry in document["submissions"]:
        del entry["round"], entry["seed"], entry["file"]
    place = path.with_name(name)
    path.unlink()
    place.write_text(json.dumps(document))
    os.utime(place, (1.7e9 - age_s,) * 2)
    return place


@pytest.fixture(name="older")
def _older(tmp_path: Path) -> Path:
    """A workspace with three rounds of a grader that kept none."""
    without_rounds(tmp_path, "results-seed-5.json", 5, 300, "ann", "bob", "cem")
    without_rounds(tmp_path, "results-seed-6.json", 6, 200, "bob")
    without_rounds(tmp_path, "results.json", 7, 100, "cem")
    return tmp_path


def test_what_older_workspaces_hold_becomes_rounds_and_nobody_is_lost(older: Path) -> None:
    adopt_older(older, NAME)
    results = load_results(older, NAME)

    assert {one.student: (one.round.number, one.round.seed, one.message) for one in results.grades if one.round} == {
        "ann": (1, 5, "seed 5"),
        "bob": (2, 6, "seed 6"),
        "cem": (3, 7, "seed 7"),
    }
    assert results.seed == 7
    assert results.rounds[0].when == "2023-11-14T22:08:20Z"
    assert round_numbers(older, NAME) == [1, 2, 3]
    assert sorted(path.name for path in (older / NAME).iterdir()) == ["results.json", "rounds"]


def test_taking_over_happens_once(older: Path) -> None:
    adopt_older(older, NAME)
    before = {path: path.read_bytes() for path in (older / NAME).rglob("*.json")}
    adopt_older(older, NAME)

    assert before == {path: path.read_bytes() for path in (older / NAME).rglob("*.json")}


@pytest.mark.parametrize("name", ["results.json", "results-seed-6.json"])
def test_a_damaged_file_of_an_older_grader_stays_where_it_is(older: Path, name: str) -> None:
    (older / NAME / name).write_text("{")
    adopt_older(older, NAME)

    assert (older / NAME / name).read_text() == "{"
    assert round_numbers(older, NAME) == [1, 2]
    if name == "results.json":
        results_path(older, NAME).unlink()
    assert {"ann", "bob", "cem"} == set(verdicts(newest_results(older, NAME)))

"""The page of a class as an instructor reads it: what is on it, what is bounded, and what a page must have."""

import re
from dataclasses import replace

import pytest
from read_page import Page

from autograder.marks import Mark, Marks
from autograder.report.class_page import NAMED, SHOWN, render_class_page
from autograder.results import CheckResult, ClassResults, Grade, Handin, Pair, Round, Similar, TaskGrade, Verdict


def task(*passed: bool, name: str = "mac_ratio") -> TaskGrade:
    checks = tuple(
        CheckResult(f"Check {n}.", one, "" if one else "found None", "" if one else "Look.")
        for n, one in enumerate(passed)
    )
    return TaskGrade(name, float(len(passed)), checks)


ANN = Grade("ann", Verdict.OK, (task(True, True),), wall_s=90.0)
BOB = Grade("bob", Verdict.PARTIAL_RUN, (task(True, False),), "A cell raised an error.", ("cell a was mended",), 30.0)


def page(*grades: Grade, similar: Similar | None = None) -> str:
    return render_class_page(ClassResults("small", 7, "bubblewrap 0.11.0", grades), similar)


def text(html: str) -> str:
    """The text, one space between any two elements that are not in one line."""
    return " ".join(Page(re.sub("(</?(?:td|th|li|dt|dd|small|summary|svg)\\b)", r" \1", html)).text.split())


def test_it_tells_points_tasks_mistakes_verdicts_and_time():
    said = text(page(ANN, BOB))

    for piece in (
        "small: 2 submissions",
        "mean 1.5 of 2",
        "median 1.5 of 2",
        "full points 1 of 2",
        "mac_ratio 2 75 % 1 all points, 0 none",
        "Check 1. 1 50 % 1 1 –",
        "1 mac_ratio Look. bob: found None",
        "PARTIAL_RUN 1 Some cell raised an error",
        "2.0 minutes",
        "Mended on the way: 1",
        "A cell raised an error. cell a was mended",
    ):
        assert piece in said, piece


def test_it_tells_of_the_newest_round_and_whose_grade_is_of_an_earlier_one():
    first = Round(1, 6, "bubblewrap 0.11.0", "2026-11-20T08:00:00Z")
    second = Round(2, 7, "bubblewrap 0.11.0", "2026-11-27T10:14:00Z", "appeal", "gradebox")
    said = text(page(replace(ANN, round=first), replace(BOB, round=second)))

    assert "Graded 2026-11-27 10:14:00 UTC on gradebox (appeal)." in said
    assert (
        "Kept from an earlier round, which judged otherwise: 1 Grade them again, so that all are judged alike. ann"
        in said
    )
    assert "1 2026-11-20 08:00:00 UTC 6 1 2 2026-11-27 10:14:00 UTC 7 1 appeal" in said
    assert "ann OK round 1" in said
    assert "round 2" not in said
    assert "Rounds that these" not in text(page(replace(BOB, round=second)))


def test_the_histogram_has_its_numbers_in_words():
    html = page(ANN, BOB)

    assert 'role="img" aria-label="Histogram of points. Mean 1.5, median 1.5 of 2.' in html
    assert "points submissions 0 to below 1 0 1 to below 2 1 2 or more 1" in text(html)


def test_it_tells_what_a_person_gave_and_what_waits():
    marks = Marks("ann", (Mark("mac_ratio", False, 2.0, 2.0, 1.0), Mark("why", True, 3.0)), name="Ann Abel")
    said = text(page(replace(ANN, marks=marks), BOB))

    assert "answers to mark 1 of 1 students" in said
    assert "Ann Abel mac_ratio 1, the checks 2" in said
    assert "Ann Abel ann OK 1 1 2 2 by hand 1 90" in said, "total of all points, what waits, automatic points"


def test_similar_code_is_told_with_how_similar():
    similar = Similar((("ann", "bob"),), (Pair(("ann", "cem"), 0.725, ("mac_ratio", "")),), {"dan": 0.9}, ("eve",))
    grades = [replace(ANN, student=name) for name in ("ann", "bob", "cem", "dan", "eve")]
    said = text(page(*grades, similar=similar))

    assert "Our own solution: 1 How much of the code is also in the solution. dan 90 %" in said
    assert "Equal but for names, comments and layout: 1 ann, bob" in said
    assert "ann, cem 72 % mac_ratio, added cell" in said
    assert "No code was written: 1" in said
    assert "Counted are 4 of 5 submissions" in said


def test_what_was_not_compared_is_not_called_different():
    assert "The code was not compared." in text(page(ANN))
    assert "No two are alike." in text(page(ANN, similar=Similar()))


def test_the_same_cells_are_told_once():
    same = [replace(ANN, run="abc"), replace(BOB, run="abc")]

    assert "The same cells, run once: 1 ann, bob" in text(page(*same, similar=Similar()))
    assert "The same cells" not in text(page(*same, similar=Similar(equal=(("ann", "bob"),)))), "told as equal"


def test_people_are_called_by_their_names_where_these_are_told_and_differ():
    said = {"a1": "Jane Doe", "a2": "Jane Doe", "a3": "Åsa Ek", "a4": ""}
    grades = [replace(ANN, student=student, handin=Handin("canvas", name)) for student, name in said.items()]
    rows = re.findall(r'<tr><th scope="row">(<a.*?)</th>', page(*grades))

    assert [text(row) for row in rows] == ["a1", "a2", "Åsa Ek a3", "a4"]


@pytest.mark.parametrize("grades", [(), (Grade("ann", Verdict.GRADER_ERROR),), (Grade("ann", Verdict.EMPTY),)])
def test_a_class_in_which_nothing_was_judged_has_a_page(grades: tuple[Grade, ...]):
    said = text(page(*grades))

    assert "No submission could be judged." in said
    assert "No task was judged." in said


def test_grades_of_different_tasks_have_their_points_in_their_columns():
    later = Grade("bob", Verdict.OK, (task(True, name="new"), task(True, True, True)))
    rows = re.findall(r'<tr><th scope="row"><a.*?</tr>', page(ANN, later), re.DOTALL)
    cells = [[text(cell) for cell in re.findall(r"<td.*?</td>", row)] for row in rows]

    assert cells == [["OK", "", "2", "2", "", "90"], ["OK", "", "4 of 4", "3", "1", "0"]]


def test_a_large_class_makes_a_page_of_bounded_lists():
    count = 400
    grades = [
        replace(
            BOB,
            student=f"s{n}",
            message="m" * 10_000,
            notes=("n" * 10_000,) * 50,
            tasks=(
                TaskGrade("t", 1.0, tuple(CheckResult("c", False, "x" * 9_000, f"hint {n} {k}") for k in range(5))),
            ),
        )
        for n in range(count)
    ]
    similar = Similar(
        (tuple(f"s{n}" for n in range(count)),),
        tuple(Pair((f"s{n}", f"s{n + 1}"), 0.6) for n in range(count - 1)),
        {f"s{n}": 0.8 for n in range(count)},
    )
    html = page(*grades, similar=similar)

    assert f"and {count - NAMED} more" in html
    assert f"And {count - 1 - SHOWN} more pairs." in html
    assert len(html) < count * 6_500, "a row has at most 20 notes of 240 characters"


def test_it_can_be_read_without_eyes_or_a_mouse():
    html = page(ANN, BOB, similar=Similar())
    read = Page(html)
    tables = re.findall(r"<table.*?</table>", html, re.DOTALL)

    assert '<html lang="en">' in html
    assert read.tags.count("h1") == 1
    assert read.tags.count("main") == 1
    assert 'href="#content">Skip to the content</a>' in html
    assert tables and all("<caption>" in table for table in tables)
    assert all("scope=" in head for table in tables for head in re.findall(r"<th\b[^>]*>", table))
    boxes = re.findall(r'<div class="scroll"[^>]*>', html)
    assert boxes and all('tabindex="0" role="region" aria-label=' in box for box in boxes)
    anchors = {value[1:] for name, value in read.attributes if name == "href" and value.startswith("#")}
    assert anchors <= {value for name, value in read.attributes if name == "id"}


def test_who_was_given_another_release_is_named_once_with_the_cells_that_differ():
    older = replace(BOB, notes=(), verdict=Verdict.OK, other_release=("title", "setup"))

    said = text(page(ANN, older))
    assert "Made from another release of the notebook: 1 2 given cells differ there: title, setup." in said
    assert "that they were given. bob" in said
    assert "that they were given. Everybody." in text(page(older))
    assert "another release" not in text(page(ANN))

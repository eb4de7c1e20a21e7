"""The page of one student: what it says, that it stands alone, and that nothing in it is the student's to run."""

import re
from dataclasses import replace

import pytest
from read_page import Page

from autograder.judge.check import Failure
from autograder.judge.evidence import Evidence
from autograder.marks import Mark, Marks
from autograder.pictures import Picture
from autograder.report.student_page import SILENT, TOLD, render_student_page
from autograder.results import CheckResult, ClassResults, Grade, Handin, TaskGrade, Verdict
from autograder.work import Figure, Piece, Work

PICTURE = Picture("image/png", "iVBORw0KGgo=")
NEEDED = "Not judged, because this did not pass: It returns a pair."
TASK = TaskGrade(
    "evaluate",
    4.0,
    (
        CheckResult("It returns a pair.", False, "Expected a pair; found None.", "Return both.", 0),
        CheckResult("The first is right.", None, NEEDED, share=1),
        CheckResult("The second is right.", None, NEEDED, share=3),
    ),
)
HALF = TaskGrade(
    "ratio",
    2.0,
    (
        CheckResult("It is a number.", False, "found None", "Look.", 1, "Others use it."),
        CheckResult("It is right.", False, "found None", "Look.", 1, "Others use it."),
        CheckResult("It is fast.", False, "found 3 s", "Look.", 1),
        CheckResult("It has a name.", True, share=1),
    ),
)
WORK = Work(
    {
        "evaluate": (Piece(True, "def evaluate():\n    pass", "NameError: no x"),),
        "q": (Piece(False, "**Why?** $a<b$"),),
    },
    {"evaluate": "Task 1: evaluate"},
    (Figure(PICTURE, "A line that falls.", "cell plot"), Figure(PICTURE, "", "cell two", "Loss")),
    left_out=3,
)


def page(grade: Grade, work: Work = WORK, **of_class: object) -> str:
    return render_student_page(grade, replace(ClassResults("lesson", 7, "bubblewrap 0.11.0"), **of_class), work)


def text(grade: Grade, work: Work = WORK) -> str:
    """The page as it is read, with one space where there are several."""
    return " ".join(Page(page(grade, work)).text.split())


def marked(*marks: Mark, name: str = "") -> Grade:
    return Grade("ann", Verdict.OK, (TASK,), marks=Marks("ann", marks, name))


def test_points_are_summed_with_those_of_people_and_what_is_open_is_said():
    read = text(marked(Mark("evaluate", False, 4, 1), Mark("q", True, 2, by_hand=1.5), Mark("q_open", True, 3)))

    assert "2.5 of 9 points so far; 3 points are still open" in read
    assert "not marked yet, 3 p" in read
    assert "not marked yet – / 3 p" in read
    assert "0 / 3" not in read, "what nobody has marked is not 0"


def test_without_a_gradebook_the_points_are_those_of_the_checks():
    assert "0.5 of 6 points" in text(Grade("ann", Verdict.OK, (TASK, HALF)))


def test_an_unanswered_question_says_so():
    assert "No answer to this was found" in text(marked(Mark("q", True, 2, automatic=0)))
    assert "No answer to this was found" not in text(marked(Mark("q", True, 2, by_hand=0)))


def test_points_that_a_person_changed_say_what_the_checks_gave():
    assert "3 p, given by hand; the checks gave 2 p." in text(marked(Mark("evaluate", False, 4, 2, by_hand=3)))
    assert "given by hand" not in text(marked(Mark("evaluate", False, 4, 2, by_hand=2)))


def test_a_mark_that_is_looked_at_again_is_not_final():
    again = text(marked(Mark("q", True, 2, by_hand=1, waits=True)))
    assert "1 of 2 points so far; 1 part is looked at again" in again
    assert "given for an earlier hand-in. This is looked at again" in again
    assert "looked at again" not in text(marked(Mark("q", True, 2, by_hand=1)))


def test_comments_stand_at_their_question_as_they_were_typed():
    read = Page(page(marked(Mark("q", True, 2, by_hand=1, comment="Good.\n<b>But</b> why?"))))

    assert "Good.\n<b>But</b> why?" in read.text
    assert "b" not in read.tags


def test_what_was_not_judged_is_one_line():
    read = text(Grade("ann", Verdict.OK, (TASK,)))

    assert "2 further checks, worth 4 p, were not judged, because they build on one that did not pass." in read
    assert "Not judged, because this did not pass" not in read
    assert read.count("It returns a pair.") == 1


def test_one_check_that_was_not_judged_is_told_in_the_singular():
    task = replace(TASK, checks=TASK.checks[:2])

    assert "1 further check, worth 4 p, was not judged, because it builds on" in text(Grade("ann", Verdict.OK, (task,)))


def test_equal_messages_hints_and_reasons_of_a_task_are_told_once():
    read = text(Grade("ann", Verdict.OK, (HALF,)))

    for told in ("found None", "Look.", "Others use it.", "found 3 s"):
        assert read.count(told) == 1, told
    for name in ("It is a number.", "It is right.", "It is fast."):
        assert f"✗not passed: {name} 0.5 p" in read
    assert "✓passed: It has a name. 0.5 p" in read


def test_the_students_own_cell_stands_next_to_its_checks():
    read = page(Grade("ann", Verdict.OK, (TASK,)))

    assert "<span>def evaluate():</span>\n<span>    pass</span>" in read
    assert "This cell raised NameError: no x" in read
    assert "Task 1: evaluate" in read


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_told_in_words(verdict: Verdict):
    read = text(Grade("ann", verdict, (TASK,), "The message." if verdict is not Verdict.OK else ""))
    told, do = TOLD[verdict]

    assert told in read
    assert not do or f"What to do: {do}" in read
    ours = (Verdict.OK, Verdict.GRADER_ERROR)  # what failed in the grader is for the instructor, and names our files
    assert ("The message." in read) is (verdict not in ours)
    assert verdict.value not in read


@pytest.mark.parametrize("verdict", [Verdict.BAD_FILE, Verdict.EMPTY, Verdict.GRADER_ERROR])
def test_where_nothing_ran_no_task_has_a_section(verdict: Verdict):
    read = page(Grade("ann", verdict, (TASK,)))

    assert 'id="part-' not in read
    assert "def evaluate" not in read, "what would stand there is the released cell"


def test_where_nothing_ran_a_persons_comment_is_still_there():
    grade = Grade("ann", Verdict.BAD_FILE, (TASK,), marks=Marks("ann", (Mark("q", True, 2, by_hand=1, comment="Hm."),)))

    assert "Hm." in text(grade)


def test_a_fault_of_the_grader_costs_nothing_and_shows_no_zero():
    read = text(Grade("ann", Verdict.GRADER_ERROR, (replace(TASK, checks=()),)))

    assert "It costs you no points." in read
    assert "not graded yet – / 4 p" in read


def test_what_a_verdict_cost_is_said():
    gone = replace(TASK, checks=(CheckResult("It is right.", False, "There is no function evaluate to call: ..."),))
    late = replace(HALF, checks=(CheckResult("It is right.", False, "Stopped."),))

    assert "It cost 6 points, because this could not be judged: evaluate, ratio." in text(
        Grade("ann", Verdict.TIMEOUT, (gone, late), "Stopped.")
    )
    assert "That alone cost no points" in text(Grade("ann", Verdict.PARTIAL_RUN, (HALF,), "A cell raised."))
    assert "None of the 4 points" in text(Grade("ann", Verdict.EMPTY, (TASK,)))


def test_what_could_not_be_called_is_known_by_what_the_judge_says_of_it():
    with pytest.raises(Failure, match="|".join(SILENT)):
        Evidence("ratio", {"a": None}).values("a")


def test_who_handed_in_when_and_what_is_said():
    handin = Handin("blackboard", "Jane Doe", "jdoe", True, "2026-01-30T15:30:10", file="x/hw.ipynb")
    read = text(Grade("jdoe", Verdict.OK, handin=handin))

    assert "Jane Doe" in read
    assert "handed in 2026-01-30 15:30:10 · late · x/hw.ipynb" in read


def test_notes_are_told():
    assert "cell a was edited" in text(Grade("ann", Verdict.OK, notes=("cell a was edited",)))


def test_figures_have_a_description_and_those_left_out_are_counted():
    read = page(Grade("ann", Verdict.OK, (TASK,)))

    assert 'alt="A line that falls."' in read
    assert 'alt="Figure of cell two"' in read
    assert "3 more are in your notebook" in read
    assert read.count(f"data:image/png;base64,{PICTURE.base64}") == 2


def test_a_cell_of_the_students_below_an_answer_belongs_to_it():
    work = Work({"q": (Piece(False, "one"), Piece(True, "two = 2"))})

    assert "one" in page(marked(Mark("q", True, 2)), work)
    assert "<span>two = 2</span>" in page(marked(Mark("q", True, 2)), work)


def test_the_page_stands_alone():
    others = (Grade("bob", Verdict.OK, (TASK,)), Grade("ann", Verdict.OK, (TASK,)))
    read = page(others[1], grades=others)
    links = [value for name, value in Page(read).attributes if name in ("href", "src")]

    assert "bob" not in read
    assert all(link.startswith(("#", "data:image/png;")) for link in links)
    ids = set(re.findall(r' id="([^"]+)"', read))
    assert {link[1:] for link in links if link.startswith("#")} <= ids, "no link is dead"
    assert "script" not in Page(read).tags


def test_a_page_without_answers_figures_and_marks_is_whole():
    read = page(Grade("ann", Verdict.OK, (TASK,)), Work())

    assert "There is nothing to show." in read
    assert "Your figures" not in read

"""The catalogue of answers: each wrong one fails the checks that it should and gets a hint, each right one passes.

The checks are run in this process here; `make rubric` takes the real way, notebook by notebook.
"""

import dataclasses
from collections import Counter

import pytest
from accuracy import Share
from in_process import graded, namespace, points
from rubric import BATCHES, CATALOGUE, ROOT, Answer, Outcome, accuracy, answers, check_names, outcome

from course_lib import selfcheck

WRONG, RIGHT, ALIKE = answers("wrong"), answers("right"), answers("alike")
UNSEEN_WRONG, UNSEEN_RIGHT = ([one for batch in BATCHES for one in answers(kind, batch)] for kind in ("wrong", "right"))


def name(answer: Answer) -> str:
    return f"{answer.task}-{answer.name}"


def test_the_catalogue_is_as_large_as_it_says() -> None:
    wrong, right = Counter(a.task for a in WRONG), Counter(a.task for a in RIGHT)

    assert set(wrong) == set(right) == set(points())
    assert min(wrong.values()) >= 6 and min(right.values()) >= 4
    assert f"{len(WRONG)} wrong and {len(RIGHT)} right answers" in (ROOT / "README.md").read_text()
    assert len({name(a) for a in WRONG + RIGHT + ALIKE}) == len(WRONG + RIGHT + ALIKE)


def test_a_wrong_answer_names_checks_that_exist_and_words_of_a_hint() -> None:
    checks = {task: set(check_names(task).values()) for task in points()}
    for answer in WRONG + ALIKE:
        assert answer.fails and set(answer.fails) <= checks[answer.task], name(answer)
        assert answer.hint and all(word == word.lower() for word in answer.hint), name(answer)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(0, 137, 0.0, 0.027), (9, 84, 0.057, 0.191), (67, 75, 0.803, 0.945), (0, 0, 0, 1)],
)
def test_shares_come_with_wilsons_interval(hits: int, count: int, low: float, high: float) -> None:
    assert Share(hits, count).interval == pytest.approx((low, high), abs=5e-4)


def test_a_hint_counts_where_it_came_and_as_right_where_it_names_the_mistake() -> None:
    wrong = Answer("mac_ratio", "upside_down", True, "", "", hint=("divide",))
    told = Outcome(wrong, 0.0, 1.0, frozenset(), "Divide the other way round.", ("Divide the other way round.",))
    misled = dataclasses.replace(told, told="Look at the types.", hints=("Look at the types.",))
    silent = dataclasses.replace(told, told="found 0.5", hints=())
    accepted = dataclasses.replace(told, score=1.0)

    row = accuracy([told, misled, silent, accepted]).splitlines()[-1]

    assert [cell.strip().split(" (")[0] for cell in row.split("|")[2:6]] == ["none", "1 of 4", "2 of 3", "1 of 2"]


def test_every_mutant_that_survives_is_explained_and_none_is_a_hole() -> None:
    page = (CATALOGUE / "mutants.md").read_text(encoding="utf-8")
    assert "\n## Survivors\n" in page and "\n  hole: " not in page


@pytest.mark.slow
@pytest.mark.parametrize("answer", WRONG + ALIKE, ids=name)
def test_a_wrong_answer_fails_its_checks_and_is_told_what_to_look_at(answer: Answer) -> None:
    grade = graded(answer.task, **{answer.task: answer.source})
    found = outcome(answer, dataclasses.asdict(grade) | {"score": grade.score})

    assert found.score < found.max_score
    assert found.failed == set(answer.fails)
    assert found.hinted, f"none of {answer.hint} in: {found.told}"


@pytest.mark.slow
@pytest.mark.parametrize("answer", RIGHT, ids=name)
def test_a_right_answer_gets_full_marks_however_it_is_written(answer: Answer) -> None:
    grade = graded(answer.task, **{answer.task: answer.source})

    assert [(check.name, check.message) for check in grade.checks if check.passed is not True] == []
    assert grade.score == grade.max_score


@pytest.mark.slow
@pytest.mark.parametrize("answer", RIGHT, ids=name)
def test_the_self_check_lets_every_right_answer_pass(answer: Answer) -> None:
    getattr(selfcheck, f"check_{answer.task}")(namespace(**{answer.task: answer.source})[answer.task])


@pytest.mark.slow
@pytest.mark.parametrize("answer", WRONG + ALIKE, ids=name)
def test_the_self_check_stops_every_wrong_answer_before_it_is_handed_in(answer: Answer) -> None:
    function = namespace(**{answer.task: answer.source})[answer.task]

    with pytest.raises(selfcheck.SelfCheckFailure) as caught:
        getattr(selfcheck, f"check_{answer.task}")(function)

    said = str(caught.value)
    assert len(said.splitlines()) == 3
    assert any(word in said.lower() for word in answer.hint), f"none of {answer.hint} in: {said}"


@pytest.mark.slow
@pytest.mark.parametrize("answer", UNSEEN_RIGHT + UNSEEN_WRONG, ids=name)
def test_an_answer_that_nobody_tuned_the_checks_to_is_told_right_from_wrong(answer: Answer) -> None:
    grade = graded(answer.task, **{answer.task: answer.source})

    assert (grade.score == grade.max_score) is (not answer.wrong or answer.contested)


def test_hints_of_unseen_answers_were_judged_by_reading() -> None:
    for batch in BATCHES:
        assert len(answers("right", batch)) == len(answers("wrong", batch)) >= 60
    assert [
        answer.name for answer in UNSEEN_WRONG if answer.reads is None and not (answer.contested or answer.misjudged)
    ] == []

"""Judging: checks are found and run, what passes earns points, and a fault of ours is never the student's."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from small_course import ROOT

from autograder.assignments.assignment import load_assignment
from autograder.errors import GraderError
from autograder.judge.check import Failure, worth
from autograder.judge.evidence import Evidence, Observation
from autograder.judge.judge import Judge, load_checks
from autograder.results import CheckResult, TaskGrade

HEAD = """
from autograder.judge.check import Failure, worth
from autograder.judge.compare import number
"""
DOUBLES = '''
@worth(2)
def check_value(student, key):
    """The number is doubled."""
    found, wanted = (number(one.values("seven")["returned"], "the double") for one in (student, key))
    if found != wanted:
        raise Failure(f"Expected {wanted:g}; found {found:g}.", "Multiply by two.")


@worth(1, needs=check_value)
def check_type(student):
    """It is
    an int."""
    if not isinstance(student.values("seven")["returned"], int):
        raise Failure("Expected an int.")
'''
Write = Callable[..., None]


@pytest.fixture(name="checks")
def _checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes check files where :func:`judge` looks for them."""
    monkeypatch.setattr(sys.modules[__name__], "folder", tmp_path)

    def write(**bodies: str) -> None:
        for task, body in bodies.items():
            (tmp_path / f"check_{task}.py").write_text(HEAD + body)

    return write


folder = Path()  # of the test that runs


def judge(
    student: Mapping[str, Evidence], key: Mapping[str, Evidence], points: Mapping[str, float]
) -> tuple[TaskGrade, ...]:
    return Judge(load_checks(folder, points), key, points)(student)


def returned(value: object) -> Evidence:
    return Evidence("double", {"seven": Observation({"returned": value})})


def graded(student: Evidence, points: float = 3.0) -> TaskGrade:
    (grade,) = judge({"double": student}, {"double": returned(14)}, {"double": points})
    return grade


def results(grade: TaskGrade) -> list[tuple[bool | None, str, str]]:
    return [(check.passed, check.message, check.hint) for check in grade.checks]


# --- evidence ---


def test_the_values_of_a_case_are_given():
    assert returned(14).values("seven") == {"returned": 14}


def test_when_a_case_is_missing_then_the_failure_says_the_function_never_returned():
    with pytest.raises(Failure) as failure:
        Evidence("double", {"seven": None}).values("seven")
    assert failure.value.rationale == "The function was never seen to return."
    assert failure.value.hint == "Does the cell run on its own?"


def test_when_a_case_is_missing_for_a_known_reason_then_the_failure_says_it():
    with pytest.raises(Failure, match="It took more than 30 s"):
        Evidence("double", {"seven": None}, "It took more than 30 s and was stopped.").values("seven")


def test_when_a_call_raised_then_the_failure_says_what():
    with pytest.raises(Failure) as failure:
        Evidence("double", {"seven": Observation({}, "NameError: x")}).values("seven")
    assert failure.value.rationale == "Called on inputs of the right form, it raised NameError: x."
    assert "Use only what the function is given" in failure.value.hint
    with pytest.raises(Failure) as failure:
        Evidence("double", {"seven": Observation({}, "OSError: x")}).values("seven")
    assert "Call the function yourself in a cell" in failure.value.hint


# --- a task ---


def test_when_all_is_right_then_every_check_passes_without_a_word(checks: Write):
    checks(double=DOUBLES)

    assert graded(returned(14)) == TaskGrade(
        "double",
        3.0,
        (CheckResult("The number is doubled.", True, share=2), CheckResult("It is an int.", True, share=1)),
    )


def test_when_a_check_fails_then_its_message_and_hint_are_told_and_what_needs_it_is_not_judged(checks: Write):
    checks(double=DOUBLES)
    grade = graded(returned(7))

    assert grade.score == 0.0
    assert results(grade) == [
        (False, "Expected 14; found 7.", "Multiply by two."),
        (None, "Not judged, because this did not pass: The number is doubled.", ""),
    ]


def test_when_one_of_several_needed_checks_passes_then_what_needs_them_is_judged(checks: Write):
    needs = '\n\n@worth(1, needs=(check_value, check_type))\ndef check_mode():\n    """In its mode."""\n'
    checks(double=DOUBLES.replace(", needs=check_value", "") + needs)

    assert [check.passed for check in graded(returned(15)).checks] == [False, True, True]
    assert [check.passed for check in graded(returned(14.0)).checks] == [True, False, True]
    neither = graded(returned(15.0))
    said = "Not judged, because none of these passed: The number is doubled. It is an int."
    assert (neither.score, results(neither)[2]) == (0.0, (None, said, ""))


def test_when_the_last_check_fails_then_the_share_of_the_others_stays(checks: Write):
    checks(double=DOUBLES)
    grade = graded(returned(14.0))

    assert (grade.score, [check.passed for check in grade.checks]) == (2.0, [True, False])


@pytest.mark.parametrize("value", [None, True, float("nan")])
def test_whatever_was_returned_is_judged(checks: Write, value: object):
    checks(double=DOUBLES)

    assert graded(returned(value)).checks[0].passed is False


@pytest.mark.parametrize(
    "silent", [Evidence("double", {"seven": None}), Evidence("double", {"seven": Observation({}, "x")})]
)
def test_silence_is_no_credit(checks: Write, silent: Evidence):
    checks(double=DOUBLES)

    assert graded(silent).score == 0.0


def test_when_forged_evidence_lacks_what_a_check_reads_then_that_is_no_fault_of_ours(checks: Write):
    checks(double=DOUBLES)

    assert graded(Evidence("double", {"seven": Observation({"forged": 14})})).checks[0].passed is False


def test_tasks_come_in_the_order_of_their_points_and_each_sees_its_own_evidence(checks: Write):
    checks(double=DOUBLES, again=DOUBLES)
    student = {"double": returned(14), "again": returned(7)}
    key = {"again": returned(7), "double": returned(14), "not_asked": returned(0)}

    grades = judge(student, key, {"double": 3.0, "again": 1.0})
    assert [(grade.task, grade.score, grade.max_score) for grade in grades] == [
        ("double", 3.0, 3.0),
        ("again", 1.0, 1.0),
    ]


def test_judging_again_gives_the_same(checks: Write):
    checks(double=DOUBLES)

    assert graded(returned(7)) == graded(returned(7))


def test_a_check_without_a_docstring_goes_by_its_name(checks: Write):
    checks(double="@worth(1)\ndef check_nothing():\n    pass\n")

    assert [check.name for check in graded(returned(14)).checks] == ["check_nothing"]


def test_a_precondition_is_told_and_moves_no_points(checks: Write):
    checks(double=DOUBLES.replace("@worth(1", "@worth(0"))

    assert graded(returned(14.0)).score == 3.0


def test_when_a_check_breaks_on_a_wrong_answer_alone_then_it_fails_and_the_instructor_is_told_where(checks: Write):
    body = 'student.values("seven")["returned"].bit_count()'
    checks(double=f'@worth(1)\ndef check_it(student):\n    """It."""\n    {body}\n')
    grade = graded(returned("14"))

    assert [check.passed for check in grade.checks] == [False]
    (told,) = grade.broken
    assert told.startswith("the check check_it raised AttributeError: 'str' object has no attribute 'bit_count'")
    assert "(check_double.py, line 7). It counts as failed." in told


@pytest.mark.parametrize(("body", "says"), [("raise Failrue('x')", "NameError"), ("import no_such", "ModuleNot")])
def test_when_a_check_names_what_does_not_exist_where_it_meets_a_wrong_answer_then_it_is_our_fault(
    checks: Write, body: str, says: str
):
    wrong = 'student.values("seven")["returned"] != 14'
    checks(double=f"@worth(1)\ndef check_it(student):\n    if {wrong}:\n        {body}\n")

    with pytest.raises(GraderError, match=f"A check is broken: check_it raised {says}.*line 7.*Correct it and grade"):
        graded(returned(7))


def test_when_a_check_asks_for_a_case_that_is_not_listed_then_the_error_names_those_that_are(checks: Write):
    checks(double='@worth(1)\ndef check_it(student):\n    student.values("eight")\n')

    with pytest.raises(GraderError, match=r"lists no case 'eight' of double under \[cases\], only seven"):
        graded(returned(14))


@pytest.mark.parametrize("share", ["0", "-1", "float('nan')"])
def test_when_nobody_could_earn_the_points_then_the_file_is_refused(checks: Write, share: str):
    checks(double=f"@worth({share})\ndef check_it():\n    pass\n")

    with pytest.raises(GraderError, match="share"):
        graded(returned(14))


def test_worth_needs_a_share(checks: Write):
    checks(double="@worth\ndef check_it():\n    pass\n")

    with pytest.raises(GraderError, match="TypeError: worth needs the share of the points: write @worth"):
        graded(returned(14))


# --- our faults ---


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('@worth(1)\ndef check_it():\n    raise KeyError("logits")\n', "check_it raised KeyError: 'logits'"),
        ("@worth(1)\ndef check_it():\n    assert 1 == 2\n", "check_it raised AssertionError"),
        (
            "@worth(1)\ndef check_it(no_such_value):\n    pass\n",
            "check_it in .* takes no_such_value; a check takes student",
        ),
        ("import pytest\n\n\n@worth(1)\ndef check_it():\n    pytest.skip()\n", "check_it raised Skipped"),
        ("def check_it():\n    pass\n", "check_it in .* has no share of the points. Mark it with @worth"),
        (
            '@worth(1)\ndef check_it():\n    pass\n\n\ncheck_it.needs = ("check_later",)\n',
            "check_it in .* needs check_later, which is no check above it",
        ),
        ("import no_such_module\n", "The checks in .* cannot be read: .*no_such_module"),
        ("def check_it(:\n", "The checks in .* cannot be read: SyntaxError"),
        ("", "check_double.py holds no check"),
    ],
)
def test_when_a_check_is_broken_then_it_is_the_graders_fault_and_said_so(checks: Write, body: str, fault: str):
    checks(double=body)

    with pytest.raises(GraderError, match=f"(?s){fault}"):
        graded(returned(14))


def test_when_one_task_of_several_has_no_checks_then_it_is_the_graders_fault(checks: Write):
    checks(double=DOUBLES, empty="")

    with pytest.raises(GraderError, match="empty"):
        judge({"double": returned(14), "empty": returned(14)}, {"double": returned(14)}, {"double": 3.0, "empty": 2.0})


def test_when_the_key_is_missing_then_it_is_the_graders_fault(checks: Write):
    checks(double=DOUBLES)

    with pytest.raises(GraderError, match="no checks or no answer key for double"):
        judge({"double": returned(14)}, {}, {"double": 3.0})


def test_a_fault_in_one_judging_does_not_show_in_the_next(checks: Write):
    checks(double=DOUBLES, broken="@worth(1)\ndef check_it():\n    raise KeyError\n")
    with pytest.raises(GraderError):
        judge({"broken": returned(1)}, {"broken": returned(1)}, {"broken": 1.0})

    assert graded(returned(14)).score == 3.0


# --- the real checks ---


def test_every_real_check_has_a_share_and_a_sentence():
    assignment = load_assignment("early_exit", ROOT)
    nothing = {task: Evidence(task, dict.fromkeys(cases), "Nothing came.") for task, cases in assignment.cases.items()}

    grades = Judge(load_checks(assignment.checks, nothing), nothing, dict.fromkeys(nothing, 1.0))(nothing)
    assert len(grades) == 9
    for grade in grades:
        assert grade.score == 0.0
        assert grade.checks[0].message == "Nothing came."
        assert sum(check.share for check in grade.checks) > 0
        assert all(check.name.endswith(".") and not check.name.startswith("check_") for check in grade.checks)


def test_worth_marks_a_check_with_its_share_and_its_need():
    @worth(2)
    def check_first() -> None:
        """First."""

    @worth(1, needs=check_first)
    def check_second() -> None:
        """Second."""

    assert (check_first.share, check_first.needs) == (2, ())  # type: ignore[attr-defined]
    assert (check_second.share, check_second.needs) == (1, ("check_first",))  # type: ignore[attr-defined]


def test_when_a_message_quotes_a_whole_answer_then_it_is_shortened(checks: Write):
    checks(double='@worth(1)\ndef check_it(student):\n    """It."""\n    raise Failure("x" * 10**6, "y" * 10**6)\n')
    (check,) = graded(returned(14)).checks

    assert len(check.message) < 3_000
    assert len(check.hint) < 3_000
    assert check.message.endswith("[shortened]")

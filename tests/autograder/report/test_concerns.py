"""Who needs a look, and why."""

from dataclasses import replace

from autograder.marks import Mark, Marks
from autograder.report.concerns import concerns, other_release
from autograder.results import CheckResult, ClassResults, Grade, Handin, Round, Similar, TaskGrade, Verdict

TASK = TaskGrade("mac_ratio", 3.0, (CheckResult("It is right.", True),))
FINE = Grade("fine", Verdict.OK, (TASK,))


def found(*grades: Grade, untouched: tuple[str, ...] = ()) -> dict[str, dict[str, str]]:
    """What -> student -> what is particular to them."""
    results = ClassResults("small", 1, "bubblewrap", grades)
    return {one.what: dict(one.students) for one in concerns(results, Similar(untouched=untouched))}


def test_who_has_nothing_of_note_is_not_named():
    assert found(FINE, replace(FINE, student="too", notes=("1 added cell kept",))) == {}


def test_every_reason_names_its_students():
    wrong = replace(TASK, checks=(CheckResult("It is right.", False),))
    marks = Marks("hand", (Mark("mac_ratio", False, 3.0, 3.0, 2.0), Mark("why", True, 2.0, None, 1.0, waits=True)))
    grades = [
        FINE,
        replace(FINE, student="second"),
        Grade("fault", Verdict.GRADER_ERROR, message="no box"),
        replace(FINE, student="broke", tasks=(replace(TASK, broken=("check_x raised KeyError",)),)),
        replace(FINE, student="slow", verdict=Verdict.TIMEOUT),
        Grade("pdf", Verdict.BAD_FILE, message="It is a PDF."),
        replace(FINE, student="idle", tasks=(wrong,), verdict=Verdict.PARTIAL_RUN),
        replace(FINE, student="zero", tasks=(wrong,)),
        replace(FINE, student="other", tasks=(replace(TASK, max_score=2.0),)),
        replace(FINE, student="hand", marks=marks),
        replace(FINE, student="late", handin=Handin("canvas", late=True)),
        replace(FINE, student="mended", notes=("cell a is missing; the released one is used", "2 added cells kept")),
    ]

    assert found(*grades, untouched=("idle", "pdf")) == {
        "A fault of the grader": {"fault": "no box"},
        "A check broke on the answer": {"broke": "mac_ratio: check_x raised KeyError"},
        "Stopped, or ended by the notebook": {"slow": "TIMEOUT"},
        "Nothing that can be read was handed in": {"pdf": "It is a PDF."},
        "No code was written": {"idle": ""},
        "0 points, though code was written": {"zero": ""},
        "Graded by other tasks, checks or points than most of the class": {"other": "of 2"},
        "A person gave a task other points than the checks": {"hand": "mac_ratio 2, the checks 3"},
        "Marked by hand, and changed since": {"hand": "why"},
        "Handed in late": {"late": ""},
        "Mended on the way": {"mended": "1 note"},
    }


def test_who_was_judged_otherwise_in_an_earlier_round_is_named_once_with_what_was_otherwise():
    now = Round(2, 7, "bubblewrap", basis={"checks": "b"})
    then = replace(now, number=1, seed=6, basis={"checks": "a"})
    old = replace(FINE, student="old", round=then, tasks=(replace(TASK, max_score=2.0),))

    assert found(replace(FINE, round=now), replace(FINE, student="two", round=now), old) == {
        "Kept from an earlier round, which judged otherwise": {"old": "another seed, the checks changed"}
    }


def test_what_another_release_has_otherwise_is_told_once_the_most_frequent_cell_first():
    grades = [
        replace(FINE, student=f"s{number}", other_release=("setup", "title")[number % 2 :]) for number in range(3)
    ]
    told = other_release(ClassResults("small", 1, "bubblewrap", (FINE, *grades)))

    assert told.do.startswith(
        "2 given cells differ there: title, setup. Today's are used, and students are not told of it."
    )
    assert [student for student, _ in told.students] == ["s0", "s1", "s2"]

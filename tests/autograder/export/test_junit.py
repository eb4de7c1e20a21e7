"""JUnit XML: a suite for each student, well-formed whatever students wrote."""

from xml.etree import ElementTree

from fuzz import bounded
from hypothesis import given
from hypothesis import strategies as st
from platform_sheets import final

from autograder.export.junit import junit_xml
from autograder.results import CheckResult, ClassResults, Grade, TaskGrade, Verdict

CHECKS = (
    CheckResult("It returns a float.", True),
    CheckResult("The ratio is right.", False, "expected 2,\nfound 3", "Divide the other way."),
    CheckResult("It is fast.", None, "not judged"),
)
OK = Grade("ann", Verdict.OK, (TaskGrade("mac_ratio", 4.0, CHECKS),), wall_s=1.25)


def test_a_suite_for_each_student_a_class_for_each_task() -> None:
    fault = Grade("bob", Verdict.GRADER_ERROR, message="The box broke.")
    refused = Grade("cem", Verdict.BAD_FILE, message="A PDF.")
    root = ElementTree.fromstring(junit_xml(ClassResults("hw", 1, "box", (OK, fault, refused)), [final("ann")]))

    ann, bob, cem = root
    assert ann.attrib == {"name": "ann", "tests": "3", "errors": "0", "failures": "1", "skipped": "1", "time": "1.25"}
    assert [(one.get("classname"), one.get("name")) for one in ann.iter("testcase")] == [
        ("mac_ratio", check.name) for check in CHECKS
    ]
    failure = ann.find("testcase/failure")
    assert failure is not None
    assert (failure.get("message"), failure.text) == ("expected 2,", "expected 2,\nfound 3\nDivide the other way.")
    told = {one.get("name"): one.get("value") for one in ann.iter("property")}
    assert told | {"verdict": "OK", "total": "5.5", "max": "6", "points.q_why": "1.5"} == told
    assert (bob.get("errors"), bob.find("testcase/error").get("message")) == ("1", "GRADER_ERROR")  # type: ignore[union-attr]
    assert (cem.get("failures"), cem.find("testcase/failure").text) == ("1", "A PDF.")  # type: ignore[union-attr]


@bounded(100)
@given(st.text(st.characters(exclude_categories=())))
def test_it_is_well_formed_whatever_is_in_it(text: str) -> None:
    grade = Grade(text, Verdict.OK, (TaskGrade(text, 1.0, (CheckResult(text, False, text, text),)),), text)
    root = ElementTree.fromstring(junit_xml(ClassResults(text, 1, text, (grade,)), []))
    (case,) = root.iter("testcase")
    assert not any(char in "".join(case.itertext()) for char in "\0\x1b\x0b\ud800\uffff")

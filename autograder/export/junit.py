"""Grades as JUnit XML, which continuous integration shows: a suite for each student, a class for each task, its checks.

Read in pytest (_pytest/junitxml.py, family xunit2). Points are properties of the suite, because a test case may have
none in that family. XML has no way to write control characters, and messages quote what students wrote.
"""

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from autograder.export.grades import FinalGrade
from autograder.report.text import points
from autograder.results import CheckResult, ClassResults, Grade, Verdict

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(results: ClassResults, grades: Sequence[FinalGrade]) -> bytes:
    """The class as one document.

    A check that could not be told is skipped. A fault of the grader is an error, and.
    """
    final = {grade.student: grade for grade in grades}
    root = ElementTree.Element("testsuites", {"name": _text(results.assignment)})
    for grade in results.grades:
        root.append(_suite(grade, final))
    ElementTree.indent(root)
    return ElementTree.tostring(root, "utf-8", xml_declaration=True) + b"\n"


def _suite(grade: Grade, final: Mapping[str, FinalGrade]) -> ElementTree.Element:
    cases = [_case(task.task, check) for task in grade.tasks for check in task.checks]
    if grade.verdict is Verdict.GRADER_ERROR or not cases:
        kind = "error" if grade.verdict is Verdict.GRADER_ERROR else "failure"
        case = ElementTree.Element(
            "testcase", {"classname": "submission", "name": "the notebook is judged", "time": "0"}
        )
        _outcome(case, kind, grade.verdict.value, grade.message)
        cases.append(case)
    counts = {f"{kind}s": str(sum(case.find(kind) is not None for case in cases)) for kind in ("error", "failure")}
    skipped = str(sum(case.find("skipped") is not None for case in cases))
    about = {"name": _text(grade.student), "tests": str(len(cases)), **counts, "skipped": skipped}
    suite = ElementTree.Element("testsuite", about | {"time": f"{grade.wall_s:.2f}"})
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _properties(grade, final.get(grade.student)).items():
        ElementTree.SubElement(properties, "property", {"name": _text(name), "value": _text(value)})
    suite.extend(cases)
    return suite


def _properties(grade: Grade, final: FinalGrade | None) -> dict[str, str]:
    told = {"verdict": grade.verdict.value}
    if final is None or final.is_fault:
        return told
    told |= {"total": points(final.total), "max": points(final.possible), "needs_grading": str(len(final.waiting))}
    scores = {f"points.{mark.question}": points(mark.score) for mark in final.questions if mark.score is not None}
    return told | {"penalty": points(final.penalty)} | scores


def _case(task: str, check: CheckResult) -> ElementTree.Element:
    case = ElementTree.Element("testcase", {"classname": _text(task), "name": _text(check.name), "time": "0"})
    if check.passed is None:
        _outcome(case, "skipped", "not judged", check.message)
    elif not check.passed:
        _outcome(case, "failure", check.message.split("\n", 1)[0], "\n".join(filter(None, (check.message, check.hint))))
    return case


def _outcome(case: ElementTree.Element, kind: str, message: str, text: str) -> None:
    ElementTree.SubElement(case, kind, {"message": _text(message), "type": kind}).text = _text(text)


def _text(text: str) -> str:
    return NOT_XML.sub("\ufffd", text)

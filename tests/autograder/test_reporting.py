"""Grades as pages: complete, linked, and with nothing in them that a browser runs."""

import base64
import hashlib
import html
import re
from pathlib import Path

import pytest
from read_page import Page

from autograder import reporting
from autograder.reporting import pages as render_pages
from autograder.reporting import write_report
from autograder.results import CheckResult, ClassResults, Grade, Handin, NotRecognised, TaskGrade, Verdict

EVIL = "<script>alert(1)</script>"
BREAKING_OUT = [
    EVIL,
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title>",
    "{{ 7*7 }}{% raw %}",
    "&lt;",
]
TASK = TaskGrade(
    "mac_ratio",
    3.0,
    (CheckResult("The ratio is right.", True, share=2), CheckResult("It is a float.", False, "found None", "Look.", 1)),
)


def render_report(results: ClassResults) -> dict[str, str]:
    """File name -> page, without a workspace that holds answers and figures."""
    return dict(render_pages(results, Path("nowhere")))


def results(*grades: Grade, box: str = "bubblewrap 0.11.0") -> ClassResults:
    return ClassResults("early_exit", 7, box, grades)


def test_there_is_a_page_for_the_class_and_one_for_each_student():
    pages = render_report(results(Grade("alice", Verdict.OK, (TASK,)), Grade("bob", Verdict.EMPTY, (TASK,))))

    assert list(pages) == ["alice.html", "bob.html", "index.html"], "the class comes last: its links lead somewhere"


def test_the_class_shows_each_student_with_verdict_and_points():
    page = render_report(results(Grade("alice", Verdict.OK, (TASK,)), Grade("bob", Verdict.EMPTY)))["index.html"]
    text = Page(page).text

    for piece in (
        "early_exit: 2 submissions",
        "alice",
        "bob",
        "EMPTY",
        "mac_ratio",
        "of 3",
        "0.11.0",
        "inputs: 7.",
    ):
        assert piece in text


def test_the_links_of_the_class_lead_to_the_pages_there_are():
    pages = render_report(
        results(*(Grade(name, Verdict.OK) for name in ("a b", "ä#?", "../../etc/passwd", "%2e", "x" * 200)))
    )
    links = {value for name, value in Page(pages["index.html"]).attributes if name == "href" and value[0] != "#"}

    assert links == {name for name in pages if name != "index.html"}
    assert all("/" not in name and len(name) < 100 and name.isascii() for name in pages)


def test_the_class_page_lists_what_is_nobodys_and_marks_what_is_late():
    grades = tuple(Grade(name, Verdict.OK, handin=Handin("canvas", late=name == "bob")) for name in ("ann", "bob"))
    page = render_report(ClassResults("small", 7, "box", grades, (NotRecognised("roster.csv", "a table"),)))[
        "index.html"
    ]

    assert "Not graded, because it cannot be told whose it is: 1\n\nroster.csv: a table" in Page(page).text
    assert page.count(">late</span>") == 1


def test_two_students_whose_names_look_alike_have_two_pages_also_where_case_is_nothing():
    names = ("ä", "ö", "_", "ann", "Ann", "ANN", "index", "INDEX", "con", "x" * 60, "x" * 61, "x" * 62)
    pages = render_report(results(*(Grade(name, Verdict.OK) for name in names)))

    assert len({page.casefold() for page in pages}) == 1 + len(names)
    assert not {"con.html", "nul.html"} & set(pages), "Windows takes these for devices"


def test_the_file_of_a_student_stays_when_another_is_added():
    before = render_report(results(Grade("bob", Verdict.OK), Grade("Åsa 2", Verdict.OK)))
    after = render_report(results(Grade("Aaron", Verdict.OK), Grade("bob", Verdict.OK), Grade("Åsa 2", Verdict.OK)))

    assert set(before) < set(after)


@pytest.mark.parametrize("evil", BREAKING_OUT)
def test_nothing_a_student_controls_is_read_as_a_page(evil: str):
    harmless = "harmless"

    def pages(text: str) -> dict[str, str]:
        check = CheckResult(text, False, text, text)
        handin = Handin(text, text, text, True, text, text, text, text, text, (text,))
        grade = Grade(text, Verdict.OK, (TaskGrade(text, 3.0, (check,)),), text, (text,), handin=handin)
        return render_report(ClassResults(text, 7, f"bubblewrap {text}", (grade,), (NotRecognised(text, text),)))

    for bad, good in zip(pages(evil).values(), pages(harmless).values(), strict=True):
        assert Page(bad).tags == Page(good).tags
        assert [name for name, _ in Page(bad).attributes] == [name for name, _ in Page(good).attributes]
        assert evil in Page(bad).text  # it is shown, as text


def test_a_page_may_use_our_style_and_our_script_alone():
    grades = results(Grade(EVIL, Verdict.OK, (TASK,), EVIL, (EVIL,)))
    for name, page in render_report(grades).items():
        read = Page(page)
        policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
        inline = re.findall(r"<(style|script)>(.*?)</\1>", page, re.DOTALL)

        assert [tag for tag, _ in inline] == (["style", "script"] if name == "index.html" else ["style"])
        assert read.tags.count("script") == len(inline) - 1
        for tag, text in inline:
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not [name for name, _ in read.attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("box", ["none (--unsafe-no-box)", "", EVIL])
def test_without_a_box_every_page_says_so(box: str):
    for page in render_report(results(Grade("alice", Verdict.OK), box=box)).values():
        assert "Graded without a box" in Page(page).text
        assert EVIL not in page


def test_with_a_box_no_page_says_otherwise():
    for page in render_report(results(Grade("alice", Verdict.OK))).values():
        assert "Graded without a box" not in page


def test_a_class_of_nobody_has_a_page():
    assert list(render_report(results())) == ["index.html"]


def test_the_pages_are_written_and_those_of_an_earlier_grading_are_gone(tmp_path: Path):
    write_report(results(Grade("alice", Verdict.OK), Grade("bob", Verdict.OK)), tmp_path)
    index = write_report(results(Grade("bob", Verdict.OK)), tmp_path)

    assert index == tmp_path / "early_exit" / "report" / "index.html"
    assert sorted(path.name for path in index.parent.iterdir()) == ["bob.html", "index.html"]


def test_when_pages_cannot_be_made_then_those_of_an_earlier_grading_are_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    index = write_report(results(Grade("alice", Verdict.OK)), tmp_path)
    monkeypatch.setattr(reporting, "render_class_page", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(results(Grade("bob", Verdict.OK)), tmp_path)

    assert {path.name for path in index.parent.iterdir()} >= {"alice.html", "index.html"}


def test_a_page_that_stays_as_it_is_is_left_alone(tmp_path: Path):
    index = write_report(results(Grade("alice", Verdict.OK)), tmp_path)
    before = index.stat()
    write_report(results(Grade("alice", Verdict.OK)), tmp_path)

    assert (index.stat().st_ino, index.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_names_in_any_script_are_written_as_utf8(tmp_path: Path):
    index = write_report(results(Grade("名é😀", Verdict.OK)), tmp_path)

    assert "名é😀" in index.read_bytes().decode("utf-8")


def test_a_text_that_cannot_be_encoded_keeps_nobody_from_their_page(tmp_path: Path):
    write_report(results(Grade("alice", Verdict.OK, message="raised \ud800"), Grade("bob", Verdict.OK)), tmp_path)

    assert len(list((tmp_path / "early_exit" / "report").iterdir())) == 3


def test_submissions_with_the_same_cells_are_named_on_the_class_page_alone():
    same = [Grade(name, Verdict.OK, (TASK,), run="abc") for name in ("alice", "<b>ob")]
    pages = render_report(results(*same, Grade("cem", Verdict.OK, (TASK,), run="def"), Grade("dan", Verdict.BAD_FILE)))
    index = pages.pop("index.html")

    assert "The same cells, run once:" in index
    assert "The same cells, run once: 1\nalice, <b>ob" in Page(index).text
    assert not any("same cells" in page for page in pages.values())

"""Each platform's sheet comes back with grades in their cells, and with every other byte as it was."""

import contextlib
import time
import unicodedata
from pathlib import Path

import pytest
from platform_sheets import (
    BLACKBOARD_CSV,
    BLACKBOARD_XLS,
    CANVAS,
    GRADESCOPE,
    MOODLE_ENGLISH,
    MOODLE_GERMAN,
    MOODLE_SPANISH_BLIND,
    by,
    final,
)

from autograder.errors import UsageError
from autograder.export.blackboard import read_blackboard
from autograder.export.book import Book
from autograder.export.canvas import read_canvas
from autograder.export.filling import Choices, Filled, fill
from autograder.export.grades import FinalGrade
from autograder.export.gradescope import read_gradescope
from autograder.export.matching import place
from autograder.export.moodle import read_moodle, written_out
from autograder.export.sheet import read_sheet
from autograder.results import Handin

READERS = {
    "canvas": read_canvas,
    "moodle": read_moodle,
    "blackboard": read_blackboard,
    "gradescope": read_gradescope,
}


@pytest.fixture(name="book")
def _book(tmp_path: Path):
    def book(platform: str, data: bytes, column: str | None = None, **more: str) -> Book:
        (tmp_path / "sheet.csv").write_bytes(data)
        return READERS[platform](read_sheet(tmp_path / "sheet.csv"), "early_exit", column, **more)

    return book


@pytest.fixture(name="filled")
def _filled(book):
    def filled(platform: str, data: bytes, *grades: FinalGrade, column: str | None = None, **choices) -> Filled:
        read = book(platform, data, column)
        return fill(read, place(read, grades, choices.get("roster", {})), grades, Choices(**choices))

    return filled


def replaced(data: bytes, *pairs: tuple[str, str], encoding: str = "utf-8") -> bytes:
    """The data with each of these texts, which must be there once, in place of another."""
    text = data.decode(encoding)
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text.encode(encoding)


# --- Canvas ---

CANVAS_CLASS = (
    final("doejane_1234", handin=by("canvas", "1234", "doejane")),
    final("oneilbob_1235", 2.0, 1.0, handin=by("canvas", "1235", "oneilbob")),
    final("müllerzoë_1236", 2.0, 2.0, handin=by("canvas", "1236", "müllerzoë")),
)


def test_canvas_gets_its_grades_and_nothing_else_changes(filled) -> None:
    result = filled("canvas", CANVAS, *CANVAS_CLASS)

    assert result.data == replaced(CANVAS, ('"A, B",,,7.50', '"A, B",,5.5,7.50'))
    said = " ".join(result.remarks)
    assert "'Early exit (55021)' in sheet.csv: 3 grades" in said
    assert "Handed in nothing, left as in the sheet; --missing 0 gives 0 (2): Excused, Eve; Missing, Mia" in said


def test_a_grade_that_is_replaced_is_told(filled) -> None:
    grades = (*CANVAS_CLASS[:2], final("müllerzoë_1236", 1.0, 2.0, handin=by("canvas", "1236")))
    result = filled("canvas", CANVAS, *grades)

    assert result.data == replaced(CANVAS, ('"A, B",,,7.50', '"A, B",,5.5,7.50'), (",,4.0,8,", ",,3,8,"))
    assert "Replaced another grade (1): Müller, Zoë (4.0 → 3)" in result.remarks


def test_a_letter_that_is_replaced_is_told(filled) -> None:
    result = filled("canvas", replaced(CANVAS, ('"A, B",,,7.50', '"A, B",,B+,7.50')), *CANVAS_CLASS)
    assert "Replaced another grade (1): Doe, Jane (B+ → 5.5)" in result.remarks


def test_missing_students_get_points_only_if_asked_and_excused_ones_never(filled) -> None:
    late = final("eve_1237", handin=by("canvas", "1237"))
    result = filled("canvas", CANVAS, *CANVAS_CLASS, late, missing=0.0)

    expected = replaced(CANVAS, ('"A, B",,,7.50', '"A, B",,5.5,7.50'), ("mia,A,,,8", "mia,A,,0,8"))
    assert result.data == expected
    assert "Excused in the sheet, left so (1): Excused, Eve" in result.remarks
    assert "Handed in nothing, given 0 (1): Missing, Mia" in result.remarks


def test_a_class_from_elsewhere_is_found_by_any_id(filled) -> None:
    """Graded from nbgrader's folders: the names are logins, or numbers of the student office."""
    grades = (final("jdoe"), final("BOB@uni.edu"), final("sis1236", handin=by("nbgrader", "sis1236")))
    result = filled("canvas", CANVAS, *grades)

    pairs = [('"A, B",,,7', '"A, B",,5.5,7'), ('"=1+1",3,', '"=1+1",5.5,'), (",,4.0,8,", ",,5.5,8,")]
    assert result.data == replaced(CANVAS, *pairs)


def test_canvas_sheets_of_other_locales(filled) -> None:
    sheet = (
        b"Student;ID;SIS Login ID;Section;Early exit (55021);Quiz (2)\n    Points Possible;;;;6,00;10,00\n"
        b"Doe, Jane;1234;jdoe;A;;7,50\nO'Neil, Bob;1235;bob;A;3,00;\n"
    )
    result = filled("canvas", sheet, *CANVAS_CLASS[:2])

    assert result.data == replaced(sheet, ("A;;7,50", "A;5,5;7,50"))  # 3 is 3,00


def test_a_column_that_is_not_clear_is_refused_with_those_there_are(book) -> None:
    other = replaced(CANVAS, ("Early exit (55021)", "Homework 3 (55021)"))
    with pytest.raises(UsageError, match=r"no column for 'early_exit'.*'Homework 3 \(55021\)', 'Quiz 1 \(55000\)'"):
        book("canvas", other)
    assert book("canvas", other, "Homework 3").column == book("canvas", other, "Homework 3 (55021)").column == 6
    with pytest.raises(UsageError, match="no column called 'Homework 4'"):
        book("canvas", other, "Homework 4")
    twice = replaced(CANVAS, ("Quiz 1 (55000)", "Early Exit (55000)"))
    with pytest.raises(UsageError, match="2 columns for 'early_exit'"):
        book("canvas", twice)
    with pytest.raises(UsageError, match="no column called 'Final Score'"):
        book("canvas", CANVAS, "Final Score")
    read_only = replaced(CANVAS, (",6,10,", ",(read only),(read only),"))
    with pytest.raises(UsageError, match="has none that takes grades"):
        book("canvas", read_only)
    with pytest.raises(UsageError, match="2 columns called 'ID'"):
        book("canvas", replaced(CANVAS, ("SIS User ID", "ID")))


@pytest.mark.parametrize(
    ("platform", "data"),
    [
        (platform, data)
        for platform, own in {"canvas": CANVAS, "moodle": MOODLE_ENGLISH, "blackboard": BLACKBOARD_CSV}.items()
        for data in (CANVAS, MOODLE_ENGLISH, BLACKBOARD_XLS, GRADESCOPE, b"a,b\n1,2\n", b"one\n1\n")
        if data != own and not (platform == "blackboard" and data == BLACKBOARD_XLS)
    ]
    + [("gradescope", CANVAS), ("gradescope", MOODLE_ENGLISH), ("moodle", b"Identifier,Grade\n")],
)
def test_another_platforms_sheet_is_refused(book, platform: str, data: bytes) -> None:
    with pytest.raises(UsageError, match=f"sheet.csv is not a .*{platform.capitalize()}: expected"):
        book(platform, data)


@pytest.mark.parametrize(
    ("platform", "data"),
    [
        ("canvas", b"Student,ID,Section,Early exit (5)\n    Points Possible,,,6\n"),
        ("blackboard", BLACKBOARD_CSV.split(b"\n")[0] + b"\n"),
        ("gradescope", GRADESCOPE.split(b"\n")[0] + b"\n"),
    ],
)
def test_a_sheet_without_students_is_refused(book, platform: str, data: bytes) -> None:
    with pytest.raises(UsageError, match="has no student in it"):
        book(platform, data)


# --- Moodle ---

MOODLE_CLASS = (
    final("Jane Doe_101", handin=by("moodle", "101", "Jane Doe")),
    final("Zoë Müller_102", 2.0, 1.5, handin=by("moodle", "102", "Zoë Müller")),
)


def test_an_english_worksheet(filled) -> None:
    result = filled("moodle", MOODLE_ENGLISH, *MOODLE_CLASS)

    assert result.data == replaced(MOODLE_ENGLISH, ('grading - ",,6.00', 'grading - ",5.5,6.00'))
    assert "Handed in nothing, left as in the sheet; --missing 0 gives 0 (1): Mia Missing" in (result.remarks)


def test_a_german_worksheet_has_decimal_commas(filled) -> None:
    grades = (MOODLE_CLASS[0], final("Zoë Müller_102", 2.25, 2.0, handin=by("moodle", "102", "Zoë Müller")))
    result = filled("moodle", MOODLE_GERMAN, *grades)

    assert result.data == replaced(MOODLE_GERMAN, (',G1,,"6,00"', ',G1,"5,5","6,00"'), ('"3,50"', '"4,25"'))


def test_a_spanish_worksheet_with_blind_marking(filled) -> None:
    grades = [final(f"Participante_{n}", handin=by("moodle", n, "Participante")) for n in ("101", "102")]
    result = filled("moodle", MOODLE_SPANISH_BLIND, *grades)

    assert result.data == MOODLE_SPANISH_BLIND.replace(b'"";"6,00"', b'"5,5";"6,00"')


def test_a_teams_number_is_not_taken_for_a_participants(filled) -> None:
    team = final("Group A_101", handin=by("moodle", "101", "Group A"))
    with pytest.raises(UsageError, match=r"no line in sheet.csv for Group A_101"):
        filled("moodle", MOODLE_ENGLISH, team)
    result = filled("moodle", MOODLE_ENGLISH, team, roster={"Group A_101": ("Jane Doe", "mia@uni.edu")})
    pairs = [('grading - ",,6.00', 'grading - ",5.5,6.00'), ('submission",,6.00', 'submission",5.5,6.00')]
    assert result.data == replaced(MOODLE_ENGLISH, *pairs)


def test_a_name_is_the_same_however_its_letters_are_composed(filled) -> None:
    zoe = final("Zoë Müller_102", handin=by("moodle", "102", unicodedata.normalize("NFD", "Zoë Müller")))
    assert b'Graded",5.5,6.00' in filled("moodle", MOODLE_ENGLISH, zoe).data
    assert (
        b'Graded",5.5,6.00' in filled("moodle", MOODLE_ENGLISH, final(unicodedata.normalize("NFD", "zoë müller"))).data
    )


def test_a_team_whose_name_ends_like_a_cell_is_not_taken_for_a_participant(book) -> None:
    """A group's column may hold just its letter."""
    team = final("Team G1_101", handin=by("moodle", "101", "Team G1"))
    with pytest.raises(UsageError, match=r"no line in sheet.csv for Team G1_101"):
        place(book("moodle", MOODLE_GERMAN), [team], {})


def test_a_site_that_puts_the_login_in_front_of_the_name(filled) -> None:
    grades = (final("jdoe Jane Doe_101", handin=by("moodle", "101", "jdoe Jane Doe")),)
    assert b"5.5" in filled("moodle", MOODLE_ENGLISH, *grades).data


def test_comments_are_written_where_there_are_none(filled, book) -> None:
    jane = final("Jane Doe_101", handin=by("moodle", "101", "Jane Doe"), comment="=cmd & <b>\nWhy?")
    result = filled("moodle", MOODLE_ENGLISH, jane, MOODLE_CLASS[1], comments=True)

    said = '"5.5 of 6. mac_ratio: 4 of 4; q_why: 1.5 of 2 (=cmd &amp; &lt;b&gt; Why?)."'
    expected = replaced(
        MOODLE_ENGLISH,
        ('grading - ",,6.00', 'grading - ",5.5,6.00'),
        ('please</p>",-,\n', f'please</p>",-,{said[1:-1]}\n'),
    )
    assert result.data == expected
    assert "Has a comment already, which stays (1): Zoë Müller" in result.remarks
    renamed = replaced(MOODLE_ENGLISH, ("Feedback comments", "Remarks"))
    assert book("moodle", renamed).comment is None
    assert book("moodle", renamed, comment="Remarks").comment == 10
    with pytest.raises(UsageError, match="no column 'Notes' for comments"):
        book("moodle", renamed, comment="Notes")


def test_an_unknown_language_needs_the_columns_name(book) -> None:
    finnish = replaced(MOODLE_ENGLISH, (",Grade,", ",Arvosana,"))
    with pytest.raises(UsageError, match=r"no column that we know to be the grade's .*--column.*'Arvosana'"):
        book("moodle", finnish)
    assert book("moodle", finnish, "Arvosana").column == 4


def test_a_grade_by_a_scale_is_refused(book) -> None:
    scale = MOODLE_ENGLISH.replace(b'"Maximum grade"', b"Scale").replace(b"6.00", b"fail pass")
    with pytest.raises(UsageError, match=r"by a scale \(fail pass\)"):
        book("moodle", scale)


def test_an_old_worksheet_says_no_maximum(filled) -> None:
    old = MOODLE_ENGLISH.replace(b',"Maximum grade"', b"").replace(b",6.00", b"")
    assert filled("moodle", old, *MOODLE_CLASS).data == replaced(old, ('grading - ",,Yes', 'grading - ",5.5,Yes'))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Friday, 2 October 2026, 9:15 PM", "2026-10-02T21:15:00"),
        ("Friday, October 2, 2026, 12:05\u202fAM", "2026-10-02T00:05:00"),
        ("2. Oktober 2026, 21:15", "2026-10-02T21:15:00"),
        ("Montag, 1. März 2027, 08:00", "2027-03-01T08:00:00"),
        ("lunes, 5 de octubre de 2026, 10:00", "2026-10-05T10:00:00"),
        ("martes, 2 de junio de 2026, 9:15 p. m.", "2026-06-02T21:15:00"),
        ("lunedì, 6 luglio 2026, 21:15", "2026-07-06T21:15:00"),
        ("mardi 7 juillet 2026, 21:15", "2026-07-07T21:15:00"),
        ("-", ""),
        ("", ""),
        ("Friday, 2 Foo 2026, 9:15 PM", ""),
        ("Friday, 32 October 2026, 9:15 PM", ""),
        ("Friday, 2 October 2026, 9:15 du soir", ""),
        ("2026-10-02", ""),
        ("x" * 10_000, ""),
    ],
)
def test_times_are_read_in_words_or_not_at_all(text: str, time: str) -> None:
    assert written_out(text) == time


@pytest.mark.parametrize("sheet", [MOODLE_ENGLISH, MOODLE_GERMAN])
def test_a_worksheet_says_when(book, sheet: bytes) -> None:
    times = book("moodle", sheet).times
    assert list(times.values())[:2] == ["2026-10-02T21:15:00"] * 2
    assert not any(list(times.values())[2:])


# --- Blackboard ---

BLACKBOARD_CLASS = (
    final("j_doe", handin=by("blackboard", "j_doe")),
    final("zoe@uni.edu", 2.0, 1.0, handin=by("blackboard", "zoe@uni.edu")),
)


def test_blackboards_xls_is_text_in_utf_16(filled) -> None:
    result = filled("blackboard", BLACKBOARD_XLS, *BLACKBOARD_CLASS)

    pairs = [('"Yes"\t""\t"7"', '"Yes"\t"5.5"\t"7"'), ('"Needs Grading(1.00)"', '"3"')]
    assert result.data == replaced(BLACKBOARD_XLS, *pairs, encoding="utf-16-le")
    assert not any("Replaced" in remark for remark in result.remarks)


def test_blackboards_csv_of_one_column(filled) -> None:
    result = filled("blackboard", BLACKBOARD_CSV, *BLACKBOARD_CLASS, comments=True)

    said = "5.5 of 6. mac_ratio: 4 of 4; q_why: 1.5 of 2."
    pairs = [('"Yes","","","","",""', f'"Yes","5.5","","","{said}",""'), ('"2.00"', '"3"')]
    assert result.data == replaced(BLACKBOARD_CSV, *pairs)


def test_a_column_without_its_number_would_become_a_new_one(book) -> None:
    with pytest.raises(UsageError, match="is not a grade sheet of Blackboard"):
        book("blackboard", replaced(BLACKBOARD_CSV, (" |123456", "")))


def test_a_column_of_texts_takes_no_grade(book) -> None:
    texts = replaced(
        BLACKBOARD_XLS, ("Early exit [Total Pts: 6 Score]", "Early exit [Total Pts: 0 Text]"), encoding="utf-16-le"
    )
    with pytest.raises(UsageError, match=r"no column for 'early_exit'. It has: 'Quiz \[Total"):
        book("blackboard", texts)


# --- Gradescope ---


def test_gradescopes_table_gets_each_question(filled) -> None:
    grades = (final("1001", handin=by("gradescope", "1001")), final("zoe@uni.edu", 0.5, 2.0))
    result = filled("gradescope", GRADESCOPE, *grades)

    pairs = [
        (",A,,6.0,Ungraded", ",A,5.5,6.0,Ungraded"),
        ("00:00:00,1,1,,", "00:00:00,1,1,4,"),
        (",A,1.0,6.0", ",A,2.5,6.0"),
        ("1,1,1.0,0.0", "1,1,0.5,0.0"),
    ]
    assert result.data == replaced(GRADESCOPE, *pairs)


def test_another_column_of_gradescopes(book) -> None:
    assert book("gradescope", GRADESCOPE, "Status").column == 7
    with pytest.raises(UsageError, match="no column called 'Score'"):
        book("gradescope", GRADESCOPE, "Score")


# --- A class of one platform, and the sheet of another ---

SHEETS = {"canvas": CANVAS, "moodle": MOODLE_ENGLISH, "blackboard": BLACKBOARD_CSV, "gradescope": GRADESCOPE}
OF_JANE = {"canvas": ("1234", "sis1234", "jdoe"), "moodle": ("101",), "blackboard": ("1001", "j_doe")}
OF_JANE |= {"gradescope": ("1001", "jane@uni.edu")}


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("sheet", SHEETS)
@pytest.mark.parametrize("platform", ["canvas", "moodle", "brightspace", "github"])
def test_a_platforms_number_or_a_name_on_github_says_nothing_elsewhere(
    book, platform: str, sheet: str, partial: bool
) -> None:
    for id in OF_JANE[sheet] if platform != sheet else ():
        mallory = final(id, handin=by(platform, id))
        if partial:
            assert not place(book(sheet, SHEETS[sheet]), [mallory], {}, partial).rows
        else:
            with pytest.raises(UsageError, match=f"no line in sheet.csv for {id}.*--roster"):
                place(book(sheet, SHEETS[sheet]), [mallory], {})
        assert len(place(book(sheet, SHEETS[sheet]), [mallory], {id: (id,)}).rows) == 1  # the instructor says so


@pytest.mark.parametrize(("sheet", "number"), [("canvas", "1234"), ("moodle", "101")])
@pytest.mark.parametrize("platform", ["flat", "nbgrader", "blackboard", "gradescope"])
def test_a_name_from_outside_is_not_looked_for_among_a_sheets_own_numbers(
    book, platform: str, sheet: str, number: str
) -> None:
    with pytest.raises(UsageError, match=f"no line in sheet.csv for {number}"):
        place(book(sheet, SHEETS[sheet]), [final(number, handin=by(platform, number))], {})


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    ("sheet", "handin"),
    [
        ("canvas", by("canvas", "1234", "mallorym")),
        ("canvas", by("blackboard", "jdoe", "M Mallory")),
        ("moodle", by("gradescope", "jane@uni.edu", "M Mallory")),
        ("blackboard", by("blackboard", "j_doe", "M Mallory")),
        ("gradescope", by("gradescope", "1001", "M Mallory")),
    ],
)
def test_a_line_with_another_name_is_refused(book, sheet: str, handin: Handin, partial: bool) -> None:
    read, grade = book(sheet, SHEETS[sheet]), final("mallory", handin=handin)
    with pytest.raises(UsageError, match=r"has another name where these belong by their id: mallory \(.*--roster"):
        place(read, [grade], {}, partial)
    assert len(place(read, [grade], {"mallory": (handin.id,)}).rows) == 1


@pytest.mark.parametrize("name", ["Jane Doe", "Doe, Jane", "doejane", "Jane Marie Doe", "JANÉ DOE", ""])
def test_a_name_agrees_however_it_is_put(book, name: str) -> None:
    grade = final("doejane_1234", handin=by("canvas", "1234", name))
    assert [*place(book("canvas", CANVAS), [grade], {}).rows] == [3]


# --- Sheets made to be slow ---


@pytest.mark.parametrize("platform", SHEETS)
def test_a_heading_of_thousands_of_characters_is_refused(book, platform: str) -> None:
    heading = SHEETS[platform].split(b"\n")[0]
    with pytest.raises(UsageError, match="has a heading of 501 characters; expected at most 500"):
        book(platform, SHEETS[platform].replace(heading, heading.rstrip(b"\r") + b"," + b"x" * 501, 1))


@pytest.mark.parametrize(
    ("platform", "data"),
    [
        ("canvas", b"Student,ID,Section,Early exit (5)" + (b",a" + b" " * 490 + b"b") * 4000 + b"\nx,1,A,\n"),
        ("blackboard", BLACKBOARD_CSV.replace(b'"Notes Format"', b",".join([b"[" * 490] * 4000))),
        ("gradescope", GRADESCOPE.replace(b"1: mac_ratio (1.0 pts)", b",".join([b"1: " + b" " * 480 + b"x"] * 4000))),
        ("moodle", MOODLE_ENGLISH.replace(b"Participant 101", b"a" + b" " * 200_000 + b"b")),
    ],
)
def test_cells_that_would_send_a_pattern_back_and_forth_are_read_at_once(book, platform: str, data: bytes) -> None:
    start = time.process_time()
    with contextlib.suppress(UsageError):
        book(platform, data)
    assert time.process_time() - start < 0.6

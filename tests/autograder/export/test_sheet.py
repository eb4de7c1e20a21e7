"""A sheet is read as the csv module reads it, and filling a cell changes no other byte."""

import csv
import io
import random
from pathlib import Path

import pytest
from fuzz import bounded
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import UsageError
from autograder.export import sheet as sheet_module
from autograder.export.sheet import Sheet, decimal_mark, harmless, number, read_sheet

ENCODINGS = {"utf-8": b"", "utf-8-sig": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


@pytest.fixture(name="read")
def _read(tmp_path: Path):
    def read(data: bytes) -> Sheet:
        (tmp_path / "sheet.csv").write_bytes(data)
        return read_sheet(tmp_path / "sheet.csv")

    return read


def texts(sheet: Sheet) -> list[list[str]]:
    return [[cell.text for cell in row] for row in sheet.rows]


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
CELLS = st.one_of(st.just(""), st.sampled_from(['"', ",", ";", "\t", "\n", "a\r\nb", '""', "7,5", " x "]), WORDS)
TABLES = st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1))


@bounded(150)
@given(
    table=TABLES,
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    last=st.booleans(),
    new=CELLS,
    seed=st.integers(0, 99),
)
def test_only_the_filled_cells_differ(
    tmp_path_factory: pytest.TempPathFactory,
    table: list[list[str]],
    delimiter: str,
    end: str,
    encoding: str,
    quoting: int,
    last: bool,
    new: str,
    seed: int,
) -> None:
    table[0] = [f"column {n}" for n in range(len(table[0]))]  # or another delimiter could cut the first line better
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(table)
    text = file.getvalue() if last else file.getvalue().removesuffix(end)
    mark, codec = ENCODINGS[encoding], encoding.removesuffix("-sig")
    path = tmp_path_factory.mktemp("fuzz") / "sheet.csv"
    path.write_bytes(mark + text.encode(codec))
    before = read_sheet(path)
    rows = [*csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    assert texts(before) == [row or [""] for row in rows]

    draw = random.Random(seed)
    # A line break that stands without quotes makes lines of one cell, and a last line without text is none.
    lines = [(row, len(line)) for row, line in enumerate(before.rows) if row and len(line) > 1]
    cells = {(row, draw.randrange(length)): new for row, length in lines if draw.random() < 0.4}
    filled = before.filled(cells)

    assert before.filled({}) == path.read_bytes()
    path.write_bytes(filled)
    after = read_sheet(path)
    for row, line in enumerate(rows):
        for column, cell in enumerate(line):
            assert after.rows[row][column].text == cells.get((row, column), cell)
    assert _between(before, cells) == _between(after, cells)
    assert (after.mark, after.encoding) == (before.mark, before.encoding)


def _between(sheet: Sheet, cells: dict[tuple[int, int], str]) -> str:
    """The text of a sheet without that of some cells."""
    spans = [sheet.rows[row][column] for row, column in sorted(cells)]
    starts, ends = [0, *(cell.end for cell in spans)], [*(cell.start for cell in spans), len(sheet.text)]
    return "\0".join(sheet.text[start:end] for start, end in zip(starts, ends, strict=True))


def test_a_quoted_cell_stays_quoted_and_others_are_quoted_where_they_must_be(read) -> None:
    sheet = read(b'a,b,c\n"",,x\n')

    assert sheet.filled({(1, 0): "1", (1, 1): "2", (1, 2): 'say "7,5"'}) == b'a,b,c\n"1",2,"say ""7,5"""\n'


def test_a_code_page_of_windows_keeps_its_bytes(read) -> None:
    data = "name;grade\r\nMüller;\r\n".encode("cp1252")
    sheet = read(data)

    assert sheet.filled({(1, 1): "7"}) == data.replace(b"ller;", b"ller;7")
    assert sheet.filled({(1, 1): "€"}) == data.replace(b"ller;", b"ller;&#8364;")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"\x7fELF\0\0\0", "no table as text"),
        (b"\xff\xfea\0,\0b", "no table as text"),
        (b"PK\x03\x04\x14\0", "an Excel or OpenDocument file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a file of an old Excel"),
        (b"%PDF-1.7", "a PDF"),
        (b'a,b\n1,"2\n', "In line 2 .* a quote is opened and not closed"),
    ],
)
def test_what_is_no_table_is_told_in_a_sentence(read, data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(data)


def test_what_is_too_large_is_not_read(read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(UsageError, match="larger than 32 MiB"):
        read_sheet(tmp_path / "huge.csv")
    monkeypatch.setattr(sheet_module, "MAX_CELLS", 5)
    with pytest.raises(UsageError, match="more than 5 cells"):
        read(b"a,b\n1,2\n3,4\n")


def test_what_is_not_there_or_closed_is_told_in_a_sentence(
    read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(UsageError, match="There is no file"):
            read_sheet(path)
    (tmp_path / "closed.csv").write_text("a,b")

    def closed(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        read_sheet(tmp_path / "closed.csv")


def test_a_line_that_ends_before_its_grade_is_refused(read) -> None:
    with pytest.raises(UsageError, match=r"Line 2 of sheet.csv has 1 cells"):
        read(b"a,b,c\n1\n").filled({(1, 2): "7"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("37", 37.0),
        ("87,5", 87.5),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1 234,50", 1234.5),
        ("1,234,567", 1234567.0),
        (" 7.50 ", 7.5),
        ("-1.5", -1.5),
        ("EX", None),
        ("", None),
        ("1e5", None),
        ("9" * 40, None),
        ("٣", 3.0),
    ],
)
def test_numbers_are_read_as_any_locale_writes_them(text: str, value: float | None) -> None:
    assert number(text) == value


def test_the_decimal_mark_is_the_columns_else_the_sheets(read) -> None:
    assert decimal_mark(read(b'a;b\n"7,5";1.5\n;\n'), 0) == ","
    assert decimal_mark(read(b'a;b\n"7,5";1.5\n;\n'), 1) == "."
    assert decimal_mark(read(b'a;b;c\n;"1.234,5";1\n'), 0) == ","
    assert decimal_mark(read(b"a,b\n7,x\n"), 0) == "."


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "|cmd"])
def test_no_text_of_ours_is_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("20 of 37") == "20 of 37"

"""A table that a learning platform gave out as text; single cells can be filled, and every other byte stays.

The csv module gives the cells' texts but not where they stand. A sheet that is written again from its texts loses its
quotes, line ends or byte order mark, and a platform may compare cells with what it gave out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from autograder.errors import UsageError

MAX_BYTES = 32 << 20  # Canvas gives out 2 MB for a course of a thousand students with a hundred columns
MAX_CELLS = 2_000_000
MAX_HEADING = 500  # characters; Canvas takes 255 for an assignment, and adds its number
DELIMITERS = ",;\t"
BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
NO_TEXT = {
    b"PK\x03\x04": "an Excel or OpenDocument file",
    b"\xd0\xcf\x11\xe0": "a file of an old Excel",
    b"%PDF": "a PDF",
    b"SQLite": "a database",
    b"\x1f\x8b": "a packed file",
}
# What Excel, LibreOffice and Google take for a formula, and a separator after which they would look again.
FORMULA = re.compile(r"\s*[=+\-@|]")


class Cell(NamedTuple):
    """A cell: its text, and where it stands in the text of its sheet."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Sheet:
    """A table, with everything that its file is made of.

    Attributes:
        name: What the file is called.
        text: The file's text, without its byte order mark.
        mark: Its byte order mark; empty if it has none.
        rows: Lines may have different numbers of cells.
    """

    name: str
    text: str
    mark: bytes
    encoding: str
    delimiter: str
    rows: tuple[tuple[Cell, ...], ...]

    def at(self, row: int, column: int) -> str:
        """The text of a cell without blanks around it; "" where the line is shorter."""
        cells = self.rows[row]
        return cells[column].text.strip() if column < len(cells) else ""

    def filled(self, cells: Mapping[tuple[int, int], str]) -> bytes:
        """The bytes of the file with other texts in these cells, which are given by row and column.

        Raises:
            UsageError: A line ends before the cell.
        """
        pieces, done = [], 0
        for row, column in sorted(cells):
            if column >= len(self.rows[row]):
                raise UsageError(
                    f"Line {row + 1} of {self.name} has {len(self.rows[row])} cells, and its grade would be in cell "
                    f"{column + 1}. Download the sheet again; an editor may have shortened it."
                )
            cell = self.rows[row][column]
            was_quoted = self.text.startswith('"', cell.start)
            pieces += [self.text[done : cell.start], self._written(cells[row, column], was_quoted)]
            done = cell.end
        return self.mark + _encoded("".join((*pieces, self.text[done:])), self.encoding)

    def _written(self, text: str, quoted: bool) -> str:
        if quoted or re.search(f'["\r\n{self.delimiter}]', text):
            return '"' + text.replace('"', '""') + '"'
        return text


def read_sheet(path: Path) -> Sheet:
    """Read a table, separated by commas, semicolons or tabs.

    Raises:
        UsageError: It is not there, too large, no text, or no table.
    """
    try:
        if not path.is_file():
            raise UsageError(f"There is no file {path}. Name the sheet that you downloaded from the platform.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path.name} is larger than {MAX_BYTES >> 20} MiB, which no sheet of grades is.")
    mark, encoding, text = _decoded(data, path.name)
    delimiter = max(DELIMITERS, key=lambda one: _width(text, one))
    rows = _rows(text, delimiter, path.name)
    longest = max(len(cell.text) for cell in rows[0])
    if longest > MAX_HEADING:
        raise UsageError(
            f"{path.name} has a heading of {longest} characters; expected at most {MAX_HEADING}. Download the sheet "
            "again, with the names of its columns in the first line."
        )
    return Sheet(path.name, text, mark, encoding, delimiter, rows)


def harmless(text: str) -> str:
    """Text of ours for a cell: one that a spreadsheet would take for a formula gets a ``'`` in front."""
    return f"'{text}" if FORMULA.match(text) else text


def number(text: str) -> float | None:
    """The number in a cell as any locale writes it: of two separators the last is the decimal one; None for a word."""
    text = re.sub(r"[\s\u00a0\u202f']", "", text)
    if not re.fullmatch(r"-?\d[\d.,]{0,20}", text):
        return None
    whole, separator, decimals = text.rpartition("," if text.rfind(",") > text.rfind(".") else ".")
    if not separator or separator in whole:  # none, or several of one kind, which then group digits
        whole, decimals = text, ""
    return float(f"{re.sub('[.,]', '', whole)}.{decimals or 0}")


def decimal_mark(sheet: Sheet, column: int) -> str:
    """ "," where the numbers of the column have a decimal comma, or those of the whole sheet; else "."."""
    of_column = (line[column : column + 1] for line in sheet.rows)
    for lines in (of_column, sheet.rows):
        texts = [cell.text.strip() for line in lines for cell in line]
        points, commas = (
            sum(bool(re.fullmatch(rf"-?[\d{group}]*\d{mark}\d+", text)) for text in texts)
            for mark, group in ((r"\.", ","), (",", "."))
        )
        if points != commas:
            return "," if commas > points else "."
    return "."


def _decoded(data: bytes, name: str) -> tuple[bytes, str, str]:
    """Byte order mark, encoding, text."""
    for start, what in NO_TEXT.items():
        if data.startswith(start):
            raise UsageError(f"{name} is {what}, not a table as text. Save it as CSV, or download the sheet again.")
    mark = next((mark for mark in BYTE_ORDER_MARKS if data.startswith(mark)), b"")
    encoding, body = BYTE_ORDER_MARKS.get(mark, "utf-8"), data[len(mark) :]
    text = ""
    try:
        text = body.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        if not mark:  # Excel saves in a code page of Windows; read as Latin-1, every byte comes back
            encoding, text = "latin-1", body.decode("latin-1")
    if "\0" in text or not text.strip():
        what = "empty" if not body.strip() else "no table as text"
        raise UsageError(f"{name} is {what}. Expected the sheet as CSV, as you downloaded it from the platform.")
    return mark, encoding, text


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "xmlcharrefreplace" if encoding == "latin-1" else "surrogatepass")


def _width(text: str, delimiter: str) -> int:
    """Cells of the first line."""
    try:
        return len(_rows(text, delimiter, "", only_first=True)[0])
    except UsageError:  # a quote that this delimiter does not end
        return 0


def _rows(text: str, delimiter: str, name: str, only_first: bool = False) -> tuple[tuple[Cell, ...], ...]:
    field = re.compile(rf'"(?P<inside>(?:[^"]|"")*+)"(?P<after>[^{delimiter}\r\n]*)|[^{delimiter}\r\n]*')
    rows: list[tuple[Cell, ...]] = []
    row: list[Cell] = []
    place, cells = 0, 0
    while place < len(text) or row:
        found = field.match(text, place)
        assert found  # it matches nothing, too
        inside = found["inside"]
        if inside is None and text.startswith('"', place):
            raise UsageError(f"In line {len(rows) + 1} of {name} a quote is opened and not closed. Download it again.")
        plain = found[0] if inside is None else inside.replace('""', '"') + found["after"]
        row.append(Cell(plain, place, found.end()))
        place, cells = found.end(), cells + 1
        if cells > MAX_CELLS:
            raise UsageError(f"{name} has more than {MAX_CELLS} cells, which no sheet of grades has.")
        if text.startswith(delimiter, place):
            place += 1
            continue
        rows.append(tuple(row))
        row = []
        if only_first:
            break
        place += 2 if text.startswith("\r\n", place) else 1
    return tuple(rows)

"""What the cells of a notebook raised -> what people are told of it; and what a cell is called when it is spoken of.

One missing colon makes many cells fail. So the first cell is told with its error, the cells that only miss what it
defines are counted, and of the rest those that the student wrote are told.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from autograder.errors import counted
from autograder.intake.rebuild import RebuiltCell
from autograder.intake.statements import DEF, names_bound

WORDS, LONGEST = 40, 200  # characters of a line that is quoted, and of an error
TOLD = 3  # of the student's further cells
MISSING = re.compile(r"NameError: name '(?P<name>\w{1,100})'")
NOT_INSTALLED = re.compile(r"ModuleNotFoundError: No module named '(?P<package>\w{1,50})")
UNREADABLE = re.compile(
    r"(?P<kind>(?:Syntax|Indentation|Tab)Error): (?P<what>.*) \([^()]*, line (?P<line>\d{1,6})\)", re.S
)
ASSIGNED = re.compile(r"^(\w+)[ \t]*=(?!=)", re.MULTILINE)


@dataclass(frozen=True)
class Raised:
    """A cell that raised an error.

    Attributes:
        place: Where it stands among the cells that were to run.
        error: The type and what it said, as the box gave it out.
    """

    place: int
    error: str


def as_syntax_error(error: str) -> str:
    """An error under its public name: Python 3.13 has a private kind of SyntaxError for code that ends too early."""
    return re.sub(r"^_IncompleteInputError\b", "SyntaxError", error)


def what_raised(raised: Sequence[Raised], cells: Sequence[RebuiltCell]) -> str:
    """Sentences on the cells that raised errors, in their order; at least one did."""
    first, *later = raised
    missing = _defined(cells[first.place].source)
    needing, others = 0, []
    for one in later:
        found = MISSING.match(one.error)
        if found and found["name"] in missing:
            needing += 1
            missing |= _defined(cells[one.place].source)
        else:
            others.append(one)
    own = [one for one in others if cells[one.place].by_student]
    sentences = [_sentence(one, cells) for one in (first, *own[:TOLD])]
    if needing:
        sentences.insert(
            1, f"{counted(needing, 'cell')} that need{'s' if needing == 1 else ''} what it defines raised one too."
        )
    if rest := len(others) - len(own[:TOLD]):
        sentences.append(f"{counted(rest, 'cell')} more raised an error.")
    return " ".join(sentences)


def errors_of_tasks(raised: Sequence[Raised], cells: Sequence[RebuiltCell], tasks: Collection[str]) -> dict[str, str]:
    """Task -> the error of a cell that was to define its function, in words."""
    found: dict[str, str] = {}
    for one in raised:
        cell = cells[one.place]
        names = {*DEF.findall(cell.source), cell.master.grade_id if cell.master else ""} if cell.by_student else set()
        found |= {task: error_text(one.error, cell.source) for task in tasks if task in names and task not in found}
    return found


def name_of_cell(cells: Sequence[RebuiltCell], place: int) -> str:
    """What people are told of a cell: what they can see of it."""
    cell, name = cells[place], bare_name(cells[place])
    heading = _heading_above(cells, place) if cell.is_given else ""
    return f"{name} below {heading}" if heading else name


def bare_name(cell: RebuiltCell) -> str:
    """The name of a cell of the assignment; the first words of one that the student added."""
    if cell.master:
        return cell.master.grade_id
    return _words(next((line for line in cell.source.splitlines() if line.strip()), ""))


def error_text(error: str, source: str) -> str:
    """What a person has to know of an error: the package that is missing, or the line that Python cannot read."""
    if found := NOT_INSTALLED.match(error):
        return f"ModuleNotFoundError ({found['package']} is not installed where grading runs)"
    if not (found := UNREADABLE.match(error)):
        return _printable(error)
    lines, number = source.splitlines(), int(found["line"])
    quoted = f", {_words(lines[number - 1])}" if 0 < number <= len(lines) else ""
    return f"{found['kind']} in line {number}{quoted}: {_printable(found['what'])}"


def _sentence(one: Raised, cells: Sequence[RebuiltCell]) -> str:
    text = error_text(one.error, cells[one.place].source)
    return f"Cell {name_of_cell(cells, one.place)} raised {text}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _defined(source: str) -> set[str]:
    """Names that a cell was to define, also one that Python cannot read."""
    return names_bound(source) or {*DEF.findall(source), *ASSIGNED.findall(source)}


def _heading_above(cells: Sequence[RebuiltCell], place: int) -> str:
    """The last heading of the assignment's text above a cell, quoted; "" if there is none."""
    for cell in reversed(cells[:place]):
        if cell.master and cell.kind == "markdown":
            headings = [line for line in cell.master.source.splitlines() if line.startswith("#")]
            if headings:
                return _words(headings[-1].lstrip("# "))
    return ""


def _words(line: str) -> str:
    words = _printable(line.strip())
    return f'"{words[:WORDS]}…"' if len(words) > WORDS else f'"{words}"'


def _printable(text: str) -> str:
    return "".join(filter(str.isprintable, text))[:LONGEST]

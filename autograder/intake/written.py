"""Which words of a student's answer which written question, wherever they stand.

Cells of text that follow each other are read as one text: where an editor split or joined them does not matter, nor
whether it kept their ids. Released text is found in it first, by its words alone. What follows a question is its
answer, up to the next released text. Text before any question belongs to the question whose id its cell has, or to one
that is missing at that place. The rest is an added cell.

A question was left unanswered only if nothing can be its answer: there are no words in its own cell or below it, and
all other words of the student's are in other questions' own cells. If the question itself is gone, any words may
be its answer. In doubt a person decides.
"""

import functools
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from autograder.intake.embedded import MARK, released_text
from autograder.intake.master import MasterCell
from autograder.intake.parse import Cell
from autograder.intake.statements import may_hold_an_answer, names_an_answer

PLACEHOLDER = "YOUR ANSWER HERE"  # which a release puts in place of a written answer
READ = 1_000_000  # characters of text in which released text is looked for
LONG = 20  # letters; a paragraph of fewer must have lines of its own, or it could be part of any sentence
WORD = re.compile(rf"{MARK.pattern}|\w+")
OPENS, CLOSES = " *_#>~`([\"'", re.compile(r"[^\w\s\[]*")  # marks around released text that belong to it
BARE = re.compile(
    r"[\s\u200b!-/:-@\[-`{-~]*"
)  # no letter, digit or sign but those of ASCII: left of a table, or a rule
ENUMERATED = re.compile(
    r"^\W{0,10}(?:Q(?:uestion)?\W{0,3})?(?:\d{1,2}|[a-h])\W{0,3}[).:]", re.MULTILINE | re.IGNORECASE
)
BETWEEN = "\n\n"  # two cells


@dataclass(frozen=True)
class Written:
    """What the text cells of a notebook hold.

    Attributes:
        answers: Index of a question -> its text and the student's, where something was written.
        unanswered: Indexes of questions for which nothing that was written can be an answer.
        added: Position of a cell -> what is neither released text nor any answer.
        behind: Position of a cell -> index of the last cell of the master that was found in it.
        missing: Indexes of questions that are not there.
        notes: Where answers were found that were not in their places.
    """

    answers: Mapping[int, str]
    unanswered: frozenset[int]
    added: Mapping[int, str]
    behind: Mapping[int, int]
    missing: frozenset[int]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Unit:
    """A piece of released text: a question, the place for its answer, or a paragraph of a given cell."""

    words: str
    index: int
    kind: str  # "question", "place" or "given"


@dataclass(frozen=True)
class _Piece:
    """A stretch of one cell; ``unit`` is None if it is the student's own."""

    position: int
    text: str
    unit: _Unit | None


def written(cells: Sequence[Cell], matches: Mapping[int, int], master: tuple[MasterCell, ...]) -> Written:
    """What the text cells of a notebook hold.

    Args:
        matches: Position of a cell -> index of the cell of the master that it is by its id or its whole text.
    """
    return _Reading(cells, matches, master).written()


def is_text(cell: Cell, matched: MasterCell | None) -> bool:
    """Whether a cell, of whatever kind a student made it, is one of text."""
    return matched.kind != "code" if matched else cell.kind != "code"


class _Reading:
    def __init__(self, cells: Sequence[Cell], matches: Mapping[int, int], master: tuple[MasterCell, ...]) -> None:
        self.cells, self.matches, self.master = cells, matches, master
        self.questions = [index for index, cell in enumerate(master) if cell.is_question]
        there = [position for position, cell in enumerate(cells) if cell.source.strip()]
        runs = [(text, list(group)) for text, group in groupby(there, self._is_text)]
        room = READ
        self.runs: list[tuple[bool, list[int], list[_Piece]]] = []
        for text, positions in runs:
            pieces: list[_Piece] = []
            if text:
                pieces = _pieces([(position, cells[position].source) for position in positions], master, room)
                room -= sum(len(cells[position].source) for position in positions)
            self.runs.append((text, positions, pieces))
        by_id = {matches[position] for position in there if position in matches}
        self.by_text = {
            piece.unit.index
            for _, _, pieces in self.runs
            for piece in pieces
            if piece.unit and piece.unit.kind == "question"
        }
        self.lost = [index for index in self.questions if index not in by_id and index not in self.by_text]
        worded = {unit.index for unit in _units(master) if unit.kind == "question"}
        self.gone = {index for index in self.questions if index not in self.by_text and index in worded} | {*self.lost}
        self.asked_in: dict[int, set[int]] = defaultdict(set)  # position -> questions whose text is in the cell
        self.mixed: set[int] = set()  # positions of cells with given text in them
        self.slices: dict[int, list[list[_Piece]]] = defaultdict(list)  # question -> its pieces, by where they stand
        self.left: dict[int, list[_Piece]] = defaultdict(list)
        self.behind: dict[int, int] = {}
        self.possible: set[int] = set()  # questions that may be answered
        self.loose = False  # whether there are words that may answer any
        self.below: dict[int, None] = {}  # questions whose answer is not in their own cell
        self.placed: dict[int, None] = {}  # questions found by their place

    def _is_text(self, position: int) -> bool:
        index = self.matches.get(position)
        return is_text(self.cells[position], self.master[index] if index is not None else None)

    def written(self) -> Written:
        last, current = -1, None
        for text, positions, pieces in self.runs:
            if text:
                current, last = self._read(pieces, last)
                continue
            for position in positions:
                source = self.cells[position].source
                if position in self.matches:
                    current, last = None, self.matches[position]
                    self.loose = self.loose or names_an_answer(source, self.master[last].source)
                    continue
                if current is not None:  # a plot, or an answer written as code
                    self.possible.add(current)
                self.loose = self.loose or may_hold_an_answer(source)
        answers = {index: answer for index in self.questions if (answer := _joined(self.slices[index]))}
        return Written(
            answers,
            frozenset()
            if self.loose
            else frozenset(self.questions) - self.possible - (self.gone if answers else set()),
            {position: self._rest(position, pieces) for position, pieces in self.left.items()},
            self.behind,
            frozenset(self.lost) - answers.keys(),
            tuple(self._notes()),
        )

    def _read(self, pieces: list[_Piece], last: int) -> tuple[int | None, int]:
        """Give each piece to its question; the question at the end, and the last released cell."""
        current: int | None = None
        position, asked = -1, None  # the cell, and the question that was asked last in it
        above: int | None = None  # the question whose answer may go on in the cell
        for piece in pieces:
            if piece.unit and piece.unit.kind == "question":
                self.asked_in[piece.position].add(piece.unit.index)
            elif piece.unit and piece.unit.kind == "given":
                self.mixed.add(piece.position)
        for piece in pieces:
            own = self._question_of(piece.position)
            if piece.position != position:
                position, asked, above = piece.position, None, current
                if own is not None:
                    current = last = own
                elif position in self.matches:
                    current, last = None, self.matches[position]
            unit = piece.unit
            if unit and unit.kind == "question":
                current = last = asked = unit.index
                self._give(piece, current)
            elif unit and unit.kind == "given" and own is None:
                current, last = None, unit.index
            elif BARE.fullmatch(piece.text) or (unit and unit.kind == "place"):
                if current is not None:
                    self._give(piece, current)
            else:
                if above is not None and asked is None:  # two cells may have been joined
                    self.possible.add(above)
                self._own(_Piece(position, piece.text, None), current, last, asked)
            self.behind[position] = last
        return current, last

    def _own(self, piece: _Piece, current: int | None, last: int, asked: int | None) -> None:
        """Take in what the student wrote."""
        owner = self._by_place(piece.position, last) if current is None else current
        here = self.asked_in[piece.position]
        alone = not here and piece.position not in self.mixed  # with no released text
        sure = owner is not None and (asked == owner or (self._question_of(piece.position) == owner and alone))
        self.loose |= not sure or len(ENUMERATED.findall(piece.text)) > 1  # the answers to several may stand in one
        self.possible |= here | {index for index in (owner, self._question_of(piece.position)) if index is not None}
        if owner is None:
            self.left[piece.position].append(piece)
            return
        self._give(piece, owner)
        if current is None:
            self.placed[owner] = None
        elif not sure and self._question_of(piece.position) != owner:
            self.below[owner] = None

    def _by_place(self, position: int, last: int) -> int | None:
        """The missing question that stands there in the master; of several the next for each cell."""
        if last + 1 not in self.lost:
            return None
        follow = [index for index in self.lost if all(one in self.lost for one in range(last + 1, index + 1))]
        taken = [index for index in follow if self.slices[index]]
        if taken and self.slices[taken[-1]][-1][-1].position == position:
            return taken[-1]
        return follow[min(len(taken), len(follow) - 1)]

    def _give(self, piece: _Piece, owner: int) -> None:
        slices = self.slices[owner]
        if slices and slices[-1][-1].position == piece.position:
            slices[-1].append(piece)
        else:
            slices.append([piece])

    def _question_of(self, position: int) -> int | None:
        """The question that a cell is by its id."""
        index = self.matches.get(position)
        return index if index is not None and self.master[index].is_question else None

    def _rest(self, position: int, pieces: list[_Piece]) -> str:
        return "\n\n".join(text for piece in pieces if (text := piece.text.strip("\n")))

    def _notes(self) -> Iterable[str]:
        for index in self.questions:
            name = self.master[index].grade_id
            if index in self.placed:
                yield f"cell {name} matched by its place (its metadata was lost)"
            elif index in self.by_text and index not in self.matches.values():
                yield f"cell {name} matched by its question (its metadata was lost)"
            if index in self.below:
                yield f"what stands below question {name} is taken for its answer"


def _joined(slices: list[list[_Piece]]) -> str:
    """The text of a question with its answer; "" if nothing was answered."""
    kept, asked = [], False
    for pieces in slices:
        own = any(piece.unit is None and not BARE.fullmatch(piece.text) for piece in pieces)
        asks = any(piece.unit is not None for piece in pieces)
        if own or (asks and not asked):
            kept.append((own, "".join(piece.text for piece in pieces).strip()))
        asked |= asks
    return "\n\n".join(dict.fromkeys(text for _, text in kept)) if any(own for own, _ in kept) else ""


def _pieces(texts: list[tuple[int, str]], master: tuple[MasterCell, ...], room: int) -> list[_Piece]:
    """The cells of text that follow each other, cut where released text begins and ends."""
    flat = BETWEEN.join(text for _, text in texts)
    found = _found(flat, _units(master)) if len(flat) <= room else []
    pieces, start = [], 0
    for position, text in texts:
        end, at = start + len(text), start
        for begins, ends, unit in found:
            if ends <= start or begins >= end:
                continue
            pieces.append(_Piece(position, flat[at : max(at, begins)], None))
            pieces.append(_Piece(position, flat[max(at, begins) : min(ends, end)], unit))
            at = min(ends, end)
        pieces.append(_Piece(position, flat[at:end], None))
        start = end + len(BETWEEN)
    return [piece for piece in pieces if piece.text]


def _found(text: str, units: tuple[_Unit, ...]) -> list[tuple[int, int, _Unit]]:
    """Where released text begins and ends in ``text``, in order and without overlap."""
    words = [word for word in WORD.finditer(text) if not word[0].startswith("[")]
    starts = list(accumulate((len(word[0]) for word in words), initial=0))
    letters = "".join(word[0] for word in words)

    def place(letter: int) -> int:
        word = bisect_right(starts, letter) - 1
        return words[word].start() + letter - starts[word]

    spots: list[tuple[int, int, _Unit]] = []
    for unit in units:
        at = letters.find(unit.words) if len(unit.words) >= LONG else -1
        while at >= 0:
            spots.append((place(at), place(at + len(unit.words) - 1) + 1, unit))
            at = letters.find(unit.words, at + len(unit.words))
    short = {unit.words: unit for unit in reversed(units) if len(unit.words) < LONG}
    begin = 0
    for line in text.split("\n"):
        if line and len(line) < 10 * LONG and (one := short.get(_words(line))):
            spots.append((begin, begin + len(line), one))
        begin += len(line) + 1
    kept: list[tuple[int, int, _Unit]] = []
    for begins, ends, unit in sorted(spots, key=lambda spot: (spot[0], -spot[1])):
        if not kept or begins >= kept[-1][1]:
            floor = kept[-1][1] if kept else 0
            while begins > floor and text[begins - 1] in OPENS:
                begins -= 1
            kept.append((begins, CLOSES.match(text, ends).end(), unit))  # type: ignore[union-attr]  # it matches ""
    return kept


@functools.lru_cache(maxsize=8)
def _units(master: tuple[MasterCell, ...]) -> tuple[_Unit, ...]:
    """The released text of the master, in pieces that students' editors keep whole."""
    units = [_Unit(_words(PLACEHOLDER), -1, "place")]
    for index, cell in enumerate(master):
        if cell.is_question:
            question = released_text(cell.source).replace(PLACEHOLDER, "")
            units.append(_Unit(_words(question), index, "question"))
        elif cell.kind != "code":
            for part in re.split(r"\n\s*\n", released_text(cell.source)):
                long = len(_words(part)) >= LONG
                units += [_Unit(_words(one), index, "given") for one in ([part] if long else part.splitlines())]
    return tuple(unit for unit in units if unit.words)


def _words(text: str) -> str:
    return "".join(word[0] for word in WORD.finditer(text) if not word[0].startswith("["))

"""What a student handed in and what the grading run showed, as the student's page shows it. Plain frozen values.

All of it is untrusted text. Its sizes are bounded where it is read (records/work.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autograder.pictures import Picture


@dataclass(frozen=True)
class Piece:
    """One cell of an answer; a second piece is a cell that the student put below it.

    Attributes:
        code: Whether it is Python; else it is Markdown.
        error: What the cell raised in the grading run: "NameError: ..."; "" if nothing.
        pictures: Name -> picture that the Markdown shows as ``attachment:<name>``.
    """

    code: bool
    source: str
    error: str = ""
    pictures: Mapping[str, Picture] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A figure of the student's.

    Attributes:
        alt: What it shows, in words, as the output says it; "" if it does not.
        cell: What drew it: "cell plot", or "a cell that you added".
        heading: The heading above that cell; "" if there is none.
    """

    picture: Picture
    alt: str
    cell: str
    heading: str = ""


@dataclass(frozen=True)
class Work:
    """One graded notebook.

    Attributes:
        answers: Grade id of an answer's cell -> its pieces, in order.
        headings: Grade id of an answer's cell -> the heading above it.
        figures: Those drawn after the first task; earlier ones are the same for everyone.
        left_out: Pictures that are not among these, because there are too many or they are too large.
    """

    answers: Mapping[str, tuple[Piece, ...]] = field(default_factory=dict)
    headings: Mapping[str, str] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    left_out: int = 0

"""Known names that look like one that somebody typed, as rapidfuzz measures it: 100 for the same, 0 for another."""

from collections.abc import Iterable, Mapping

from rapidfuzz import fuzz, process

LIKE = 60  # of 100
MEANT = 5  # students that are named as those who may be meant


def close_names(typed: str, students: Mapping[str, Iterable[str]]) -> list[str]:
    """The students who may be meant by a name that fits nobody, the likeliest first. Part of a name is enough.

    Args:
        students: Identifier -> the names that the student is known by.
    """

    def alike(student: str) -> float:
        return max(fuzz.WRatio(typed.casefold(), name.casefold()) for name in students[student])

    likely = sorted((-alike(student), student) for student in students)
    return [student for score, student in likely[:MEANT] if -score >= LIKE]


def misspelt(typed: str, known: Iterable[str], most: int = 1, least: float = LIKE) -> list[str]:
    """The known words that a whole word may be a misspelling of, the likeliest first.

    Args:
        least: How much they look alike, of 100: twice the letters that both have in order, of all letters of both.
    """
    return [
        word for word, *_ in process.extract(typed, sorted(known), scorer=fuzz.ratio, limit=most, score_cutoff=least)
    ]

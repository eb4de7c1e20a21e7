"""Code of a class -> whose is equal, whose is nearly equal, and whose is our own solution.

A cell is read as Python reads it, never run. Comments, layout, docstrings and annotations are left out, and every name
that a student may choose becomes one and the same, so that renaming changes nothing. What is left of a cell is a
sequence of tokens. Its fingerprints are hashes of K tokens in a row, of which winnowing keeps some: S. Schleimer,
D. Wilkerson, A. Aiken, "Winnowing: Local Algorithms for Document Fingerprinting", SIGMOD 2003. Any GUARANTEED tokens in
a row that two students share give them a fingerprint in common.

A short function has one natural answer, so that most of a class writes it alike. Fingerprints of the given code and of
our solution are taken away first. Each other one counts by how few students have it, as rare words do in a search.

The thresholds come from made-up classes, whose answers are drawn from an assignment's catalogue, some far more often
than others: of 317,520 pairs who drew by chance, 4 reach NEAR (test_similarity.py of that assignment).
Knows nothing of workspaces, nbgrader or pages.
"""

import ast
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from autograder.intake.statements import MAGIC, bound_by, parsed
from autograder.results import Pair, Similar

K = 12  # tokens; "loss = criterion(outputs, labels)" has six
GUARANTEED = 17  # tokens
WINDOW = GUARANTEED - K + 1
NEAR = 0.6  # weight of what two students share, as a part of what the one with less code wrote
OURS = 0.7  # what a student shares with our solution, in the same way
ENOUGH = 15  # fingerprints; whoever has fewer of their own is compared with nobody
LITTLE = 20  # fingerprints; who has fewer is taken to have so many, because a few lines are easily alike
COMMON = 10  # students with a fingerprint, beyond which it counts for nothing (as in Moss, the system of the paper)
LARGE, MOST = 20, 50  # in a class of more than 200 it is one in LARGE, but never more than MOST, or time would explode
IMPORT = ast.Import | ast.ImportFrom
NAMED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Prints = frozenset[int]


@dataclass(frozen=True)
class Code:
    """The code that one student wrote.

    Attributes:
        cells: (grade_id, text) of each cell of theirs, in the notebook's order; "" for one that they added.
    """

    student: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Read:
    """A student's code, read.

    Attributes:
        sequences: (grade_id, tokens as numbers) of each cell that holds any.
        own: Fingerprints without those of the given code.
    """

    student: str
    sequences: tuple[tuple[str, tuple[int, ...]], ...]
    own: Prints


def compare(codes: Iterable[Code], given: Iterable[str], ours: Sequence[tuple[str, str]]) -> Similar:
    """Compare all with all, by an index of fingerprints: seconds for a class of hundreds.

    Args:
        given: Texts of the code cells that the students got, the unfinished ones among them.
        ours: (grade_id, text) of our solution's cells.
    """
    known = _prints(_sequences([("", text) for text in given]))
    solution = _read(Code("", tuple(ours)), known)
    codes = tuple(codes)
    read = [_read(code, known) for code in codes]
    copies = {}
    for one in read:
        share = _part(len(one.own & solution.own), one.own, solution.own)
        if share >= OURS:
            copies[one.student] = share
    others = [_Read(one.student, one.sequences, one.own - solution.own) for one in read if one.student not in copies]
    groups: dict[object, list[_Read]] = defaultdict(list)
    for one in others:
        if len(one.own) >= ENOUGH:
            groups[one.sequences].append(one)
    equal = tuple(tuple(one.student for one in group) for group in groups.values() if len(group) > 1)
    # One stands for each group, or what twenty have copied from each other would be what everybody writes.
    near = _near([group[0] for group in groups.values()], dict(solution.sequences))
    untouched = tuple(code.student for code in codes if not code.cells)
    return Similar(equal, tuple(near), copies, untouched)


def _near(read: list[_Read], ours: Mapping[str, tuple[int, ...]]) -> list[Pair]:
    """Pairs that share much of what few have, the most similar first."""
    have = Counter(fingerprint for one in read for fingerprint in one.own)
    common = max(COMMON, min(len(read) // LARGE, MOST))
    weights = {fingerprint: _weight(count, len(read)) for fingerprint, count in have.items() if 2 <= count <= common}
    index: dict[int, list[int]] = defaultdict(list)
    for place, one in enumerate(read):
        for fingerprint in one.own & weights.keys():
            index[fingerprint].append(place)
    shared: dict[tuple[int, int], float] = defaultdict(float)
    for fingerprint, places in index.items():
        weight = weights[fingerprint]
        for pair in combinations(places, 2):
            shared[pair] += weight
    answers = Counter(sequence for one in read for sequence in set(one.sequences))
    pairs = []
    for (left, right), weight in shared.items():
        one, other = read[left], read[right]
        share = _part(weight, one.own, other.own)
        if share >= NEAR:
            equal = tuple(
                cell
                for cell, tokens in one.sequences
                if (cell, tokens) in other.sequences
                and len(tokens) > K
                and ours.get(cell) != tokens
                and answers[cell, tokens] <= common
            )
            pairs.append(Pair((one.student, other.student), share, equal))
    return sorted(pairs, key=lambda pair: (-pair.share, pair.students))


def _weight(count: int, students: int) -> float:
    """1 for what two of the class have, less for what more have, 0 for what all have."""
    return math.log(students / count) / math.log(students / 2) if students > 2 else 1.0


def _part(shared: float, one: Prints, other: Prints) -> float:
    """What two share, as a part of what the one with less code wrote: adding code hides nothing."""
    return shared / max(LITTLE, min(len(one), len(other)))


def _read(code: Code, known: Prints) -> _Read:
    sequences = _sequences(code.cells)
    return _Read(code.student, sequences, _prints(sequences) - known)


def _prints(sequences: Iterable[tuple[str, tuple[int, ...]]]) -> Prints:
    """The fingerprints: of every WINDOW hashes of K tokens in a row, the smallest."""
    found: set[int] = set()
    for _, tokens in sequences:
        hashes = [hash(tokens[at : at + K]) for at in range(len(tokens) - K + 1)]  # of numbers: the same in every run
        found.update(min(hashes[at : at + WINDOW]) for at in range(max(1, len(hashes) - WINDOW + 1)) if hashes)
    return frozenset(found)


def _sequences(cells: Iterable[tuple[str, str]]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The tokens of each cell that holds any; a cell that Python cannot read holds none."""
    trees = [(cell, parsed(text) or parsed(MAGIC.sub("", text)) or []) for cell, text in cells]
    seen = {name for _, body in trees for one in body if not isinstance(one, IMPORT) for name in bound_by(one)}
    found = ((cell, tuple(_numbered(_tokens(body, seen | _bound_in(body))))) for cell, body in trees)
    return tuple((cell, tokens) for cell, tokens in found if tokens)


def _numbered(tokens: Iterable[str]) -> Iterator[int]:
    return (zlib.crc32(token.encode("utf-8", "replace")) for token in tokens)


def _bound_in(body: Iterable[ast.stmt]) -> set[str]:
    """Names that the student chose: of variables, arguments, functions, and of imported things under another name."""
    names: set[str] = set()
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, NAMED):
            names.add(node.name)
        elif isinstance(node, ast.alias) and node.asname:
            names.add(node.asname)
    return names


def _tokens(body: list[ast.stmt], chosen: set[str]) -> Iterator[str]:
    """The tree from the top down: what each node is, and names and values that were not the student's to choose."""
    left: list[ast.AST] = [*body[::-1]]
    while left:
        node = left.pop()
        inner: Iterable[ast.AST | None] = ast.iter_child_nodes(node)
        match node:
            case ast.expr_context() | ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                continue  # the last is a docstring
            case ast.Assign(value=ast.Constant(value=stub)) if stub is ...:
                continue  # the released stub
            case ast.Name(id=name):
                yield "name" if name in chosen else name
            case ast.arg():
                yield "name"
                continue
            case ast.Constant(value=value):
                yield hex(value) if type(value) is int else repr(value)[:100]  # repr refuses a number of 5,000 digits
            case ast.Attribute(attr=name):
                yield f".{name}"
            case ast.keyword(arg=name):
                yield f"{name}="
            case ast.AnnAssign(target=target, value=value):
                yield "Assign"
                inner = (target, value)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield "def"
                inner = (*node.decorator_list, node.args, *node.body)
            case _:
                yield type(node).__name__
        left += [one for one in inner if one is not None][::-1]

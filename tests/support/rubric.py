"""Grades a catalogue of right and wrong answers, and says how often the grader is wrong.

    python tests/support/rubric.py [--workspace DIR]   the real way: notebooks, boxes, results.json; writes the page
    python tests/support/rubric.py --in-process        the same checks without a box, in two minutes
    python tests/support/rubric.py --in-process --seeds 8    the same on the hidden inputs of eight seeds

The catalogue is tests/assignments/early_exit/rubric/: for each task the answers that students write. A wrong one names
the checks that it must fail and words of which one must be in what the student reads. A right one must get full marks.
In notebooks, right answers are next to a wrong one, so that a mistake that affects other tasks shows. Where a wrong one
quotes what the visible self-check says of it, tests/course_lib/test_selfcheck.py compares.

The wrong ones in alike/ are one answer with a mistake each, for the hints. They are no part of a class that is drawn
from the catalogue: its students would look as if they had copied.

The checks were tuned to the catalogue. rubric/unseen/ holds batches of answers by people who had seen the tasks and the
solutions, but no check, no self-check and no answer of the catalogue. Each batch counts apart. What a wrong one of
these is told was judged by reading, which is written next to it.

Where the assignment leaves a question open, the answer is accepted; some of these the catalogue calls "contested":

* any cross entropy in place of ``criterion``, and a loss of one element;
* a tensor of one element in place of a number;
* an argument that is sorted in place, and a literal 3 for the last exit;
* parameters frozen so that no graph is built, and a second forward pass in a training step;
* the CPU, whatever device is asked for: grading has no other.

Compaction one image at a time is right in its values, but no batch shrinks: it gets less than half the points.
"""

import argparse
import ast
import copy
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import Any

from accuracy import Share, table
from sample_class import RELEASE, SOLUTION, build_notebook, replace_source

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "tests" / "assignments" / "early_exit" / "rubric"
CHECKS = ROOT / "autograder" / "assignments" / "early_exit" / "checks"
# Of answers that nobody tuned to: folder -> what there is to say of it.
BATCHES = {
    "first": (
        "By one author. The tasks did not say yet which loss function `criterion` is. Two wrong answers use cross "
        "entropy in its place, which the grader accepts. Now the tasks say that it is cross entropy."
    ),
    "second": (
        "By two authors, after the tasks said so. The wrong answer that was accepted starts its search for the fewest "
        "MACs at the largest number of 32 bits. A third person judged the hints, and more strictly than for the first."
    ),
    "third": (
        "By two others, after what the second showed was mended. The right answer that lost a point changes the memory "
        "format: at one seed in five, rounding then moves an activation across the kink of its ReLU, and the gradient "
        "with it."
    ),
}


@dataclass(frozen=True)
class Answer:
    """One entry of the catalogue.

    Attributes:
        about: What is wrong, or different, in a few words.
        source: The whole cell.
        fails: Checks that a wrong one must fail, by function name; a check that needs one of these is not judged.
        hint: Words of which the student must read at least one, in lower case.
        leans_on: Tasks whose functions a right one calls; where these are wrong, so is it.
        says: Pieces of what the visible self-check says of a wrong one.
        batch: The folder in unseen/ that it is from; empty for the catalogue's.
        contested: Whether its author holds it to be wrong, and we accept it; it counts as a false acceptance.
        misjudged: Of an unseen one: whether the grader was wrong about it when it first came; it counts so.
        reads: Of an unseen wrong one: whether the hint that it first got names the mistake made, by reading; None if it
            got none.
    """

    task: str
    name: str
    wrong: bool
    about: str
    source: str
    fails: tuple[str, ...] = ()
    hint: tuple[str, ...] = ()
    leans_on: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    batch: str = ""
    contested: bool = False
    misjudged: bool = False
    reads: bool | None = None

    @property
    def unseen(self) -> bool:
        """Whether nobody tuned the checks to it."""
        return bool(self.batch)


@dataclass(frozen=True)
class Outcome:
    """The grade of one answer, held against the catalogue. For a right answer `hinted` says nothing."""

    answer: Answer
    score: float
    max_score: float
    failed: frozenset[str]
    told: str
    hints: tuple[str, ...] = ()
    untouched: bool = True

    @property
    def as_it_should(self) -> bool:
        """A right answer has full marks; a wrong one fails its checks and no others."""
        if not self.answer.wrong:
            return self.accepted
        return not self.accepted and (self.answer.unseen or self.failed == set(self.answer.fails))

    @property
    def accepted(self) -> bool:
        """Whether it has full marks."""
        return self.score == self.max_score

    @property
    def hinted(self) -> bool:
        """Whether what the student reads names the mistake: has one of the words that help, or was judged so."""
        if self.answer.unseen:
            return self.answer.reads is True
        return any(word in self.told.lower() for word in self.answer.hint)


def answers(kind: str, batch: str = "") -> list[Answer]:
    """The "right", "wrong" or "alike" answers of the catalogue, or of a batch that nobody tuned to; by task."""
    found = []
    for file in sorted((CATALOGUE / "unseen" / batch / kind if batch else CATALOGUE / kind).glob("*.toml")):
        for entry in tomllib.loads(file.read_text(encoding="utf-8"))["answer"]:
            more = {key: tuple(entry.get(key, ())) for key in ("fails", "hint", "leans_on", "says")}
            source, reads = entry["source"].strip("\n"), entry.get("reads")
            one = Answer(file.stem, entry["name"], kind != "right", entry["about"], source, **more)
            flags = {key: entry.get(key, False) for key in ("contested", "misjudged")}
            found.append(replace(one, batch=batch, reads=reads, **flags))
    return found


def outcome(answer: Answer, grade: Mapping[str, Any], untouched: bool = True) -> Outcome:
    """Reads one task of results.json."""
    names = check_names(answer.task)
    wrong = [check for check in grade["checks"] if check["passed"] is False]
    told = " ".join(f"{check['message']} {check['hint']}" for check in wrong)
    failed = frozenset(names[check["name"]] for check in wrong)
    hints = tuple(check["hint"] for check in wrong if check["hint"])
    return Outcome(answer, grade["score"], grade["max_score"], failed, told, hints, untouched)


def check_names(task: str) -> dict[str, str]:
    """A check's sentence -> its function."""
    tree = ast.parse((CHECKS / f"check_{task}.py").read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")]
    sentences = {function.name: (ast.get_docstring(function) or "").partition("\n\n")[0] for function in functions}
    return {" ".join(sentence.split()): name for name, sentence in sentences.items()}


# --- the real way ---


def write_class(dest: Path) -> dict[str, list[Answer]]:
    """Notebooks in which every other task is answered wrong and the rest right. Name -> the answers in it.

    So each wrong answer is next to right ones, whose points must not suffer from it.
    """
    solution_nb, release_nb = (json.loads(file.read_text(encoding="utf-8")) for file in (SOLUTION, RELEASE))
    solved = build_notebook("solution", solution_nb, release_nb)
    held: dict[str, list[Answer]] = {}
    for batch in ("", *BATCHES):
        held |= _notebooks(answers("wrong", batch), answers("right", batch), f"{batch}-" if batch else "")
    dest.mkdir(parents=True, exist_ok=True)
    for name, cells in held.items():
        notebook = copy.deepcopy(solved)
        for answer in cells:
            replace_source(notebook, answer.task, answer.source, name)
        (dest / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return held


def _notebooks(wrong_ones: list[Answer], right_ones: list[Answer], prefix: str) -> dict[str, list[Answer]]:
    """The answers that lie in each notebook."""
    wrong, right, held = by_task(wrong_ones), by_task(right_ones), {}
    for half in (0, 1):
        with_mistake = list(wrong)[half::2]
        for place in range(max((len(wrong[task]) for task in with_mistake), default=0)):
            cells = [wrong[task][place] for task in with_mistake if place < len(wrong[task])]
            cells += [right[task][place % len(right[task])] for task in right if task not in with_mistake]
            cells = [answer for answer in cells if not set(answer.leans_on) & set(with_mistake)]
            held[f"{prefix}half-{half}-{place:02}"] = cells
    held[f"{prefix}leaning"] = [answer for answer in right_ones if answer.leans_on]
    return {name: cells for name, cells in held.items() if cells}


def by_task(given: Iterable[Answer]) -> dict[str, list[Answer]]:
    """The answers of each task."""
    found: dict[str, list[Answer]] = {}
    for answer in given:
        found.setdefault(answer.task, []).append(answer)
    return found


def the_real_way(workspace: Path) -> list[Outcome]:
    """Grades the catalogue as an instructor would."""
    held = write_class(workspace / "handed_in")
    command = [Path(sys.executable).parent / "autograder", "grade", workspace / "handed_in"]
    subprocess.run([*command, "--workspace", workspace], cwd=ROOT, check=True)
    found = json.loads((workspace / "early_exit" / "results.json").read_text(encoding="utf-8"))
    outcomes: dict[Answer, Outcome] = {}
    for entry in found["submissions"]:
        cells = held.get(entry["student"], [])
        here = [outcome(answer, entry["tasks"][answer.task]) for answer in cells]
        untouched = all(one.as_it_should for one in here if not one.answer.wrong)
        for one in here:
            before = outcomes.get(one.answer)
            if before is None or before.as_it_should:  # a right answer is in several notebooks
                outcomes[one.answer] = replace(one, untouched=untouched)
    return list(outcomes.values())


def in_process(seed: int) -> list[Outcome]:
    """The checks alone, without a box, on the hidden inputs of a seed."""
    sys.path.append(str(ROOT / "autograder"))  # where a box finds the folder inside
    from in_process import graded

    outcomes = []
    for answer in (one for batch in ("", *BATCHES) for kind in ("wrong", "right") for one in answers(kind, batch)):
        grade = graded(answer.task, seed, **{answer.task: answer.source})
        outcomes.append(outcome(answer, asdict(grade) | {"score": grade.score}))
    return outcomes


# --- the tables ---

HEAD = (
    "task",
    "false rejections",
    "false acceptances",
    "hint coverage",
    "hint precision",
    "checks as named",
    "others untouched",
)


def accuracy(outcomes: Iterable[Outcome]) -> str:
    """How often the grader is wrong, for each task and in all: shares with Wilson's 95 % intervals."""
    rows: dict[str, list[Outcome]] = {}
    for one in outcomes:
        rows.setdefault(one.answer.task, []).append(one)
    every = [one for row in rows.values() for one in row]
    return table(HEAD, [(task, *_shares(row)) for task, row in [*sorted(rows.items()), ("all", every)]])


def _shares(row: list[Outcome]) -> tuple[Share, ...]:
    wrong, right = [one for one in row if one.answer.wrong], [one for one in row if not one.answer.wrong]
    caught = [one for one in wrong if not (one.accepted or one.answer.misjudged)]
    hinted = [one for one in caught if one.hints]
    return (
        Share.of(not one.accepted or one.answer.misjudged for one in right),
        Share.of(one.accepted or one.answer.misjudged for one in wrong),
        Share.of(bool(one.hints) for one in caught),
        Share.of(one.hinted for one in hinted),
        Share.of(one.as_it_should for one in caught if not one.answer.unseen),
        Share.of(one.untouched for one in wrong),
    )


PAGE = """# How often is the grader wrong?

`make rubric` grades right and wrong answers as an instructor would, in boxes. Next to each share is Wilson's 95 %
interval: 0 wrong of 200 does not mean never.

* False rejection: a right answer that lost points. False acceptance: a wrong answer with full marks.
* Hint coverage: the share of the wrong answers caught that got a hint. Hint precision: the share of these in which what
  the student reads names the mistake that was made.
* Checks as named: a wrong answer fails the checks that the catalogue names, and no others.
* Others untouched: a wrong answer costs the right answers of other tasks next to it nothing.

## Answers that nobody tuned the checks to

Their authors had read the tasks and the solutions, but no check, no self-check and no answer of the catalogue. Whether
a hint names the mistake was judged by reading. Counted is what the grader said when a batch first came. What a batch
showed to be wrong was mended afterwards, so each batch tells of the grader before it.

{unseen}

## The catalogue, which the checks were tuned to

{seen}
"""


def page(outcomes: Sequence[Outcome]) -> str:
    """The page that is published."""
    of_batch = {batch: [one for one in outcomes if one.answer.batch == batch] for batch in ("", *BATCHES)}
    unseen = (
        f"### The {name} batch\n\n{fill(said, 120)}\n\n{accuracy(of_batch[name])}" for name, said in BATCHES.items()
    )
    return PAGE.format(seen=accuracy(of_batch[""]), unseen="\n\n".join(unseen))


def complaints(outcomes: Iterable[Outcome]) -> list[str]:
    """One line for each answer that is not as it should be."""
    said = []
    for one in outcomes:
        name = f"{one.answer.task}: {one.answer.name}"
        if not one.as_it_should and not one.answer.contested:
            said.append(f"{name} has {one.score:g} of {one.max_score:g}, fails {sorted(one.failed)}: {one.told}")
        elif one.answer.wrong and not one.hinted and not one.answer.unseen:
            said.append(f"{name} wants one of {one.answer.hint} in: {one.told}")
        if not one.untouched and one.answer.wrong:
            said.append(f"{name} is next to a right answer that lost points")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=ROOT / "grading" / "rubric")
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--seeds", type=int, default=1, help="how many, without a box; the page is of the first")
    options = parser.parse_args()
    if options.in_process:
        sys.path.insert(0, str(ROOT))
    outcomes = in_process(0) if options.in_process else the_real_way(options.workspace)
    wrong = complaints(outcomes)
    for seed in range(1, options.seeds if options.in_process else 1):
        wrong += [f"seed {seed}: {complaint}" for complaint in complaints(in_process(seed))]
    print(page(outcomes), *wrong, sep="\n")
    if not options.in_process:
        (CATALOGUE / "accuracy.md").write_text(page(outcomes), encoding="utf-8")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

"""Written answers: found wherever a student or an editor put them, and 0 only where there is nothing to read."""

import json
import re
import time
import unicodedata
from typing import Any, NamedTuple

import pytest
import sample_class
from fuzz import bounded, tiers
from hypothesis import event, given
from hypothesis import strategies as st

from autograder.errors import BadSubmission
from autograder.intake.master import MasterCell, master_cells
from autograder.intake.parse import Cell, Submission, parse_notebook
from autograder.intake.rebuild import Rebuilt, rebuild

WHY = "**Question.** Why does it double, and not halve?"
WHEN = "**Question (3 points).** When would you rather halve a number?"
HERE = "\n\nYOUR ANSWER HERE"
TABLE = "# Numbers\n\nA number can be doubled, or it can be halved.\n\n| a | b |\n|---|---|\n| 1 | 2 |"
END = "Now the numbers are all done, and the lesson is over."

MASTER = (
    MasterCell("markdown", TABLE, "title", "title"),
    MasterCell("code", "import math", "imports", "imports"),
    MasterCell("markdown", WHY + HERE, "q-why", "q_why", solution=True, points=3),
    MasterCell("markdown", WHEN + HERE, "q-when", "q_when", solution=True, points=3),
    MasterCell("markdown", END, "end", "end"),
    MasterCell("code", "print(math.e)", "last", "last"),
)


def handed_in(**answers: str) -> list[Cell]:
    """The master as a student hands it in, with some cells written anew."""
    return [Cell(cell.kind, answers.get(cell.grade_id, cell.source), cell.cell_id, cell.grade_id) for cell in MASTER]


def bare(kind: str, source: str) -> Cell:
    return Cell(kind, source)


def without_metadata(cells: list[Cell]) -> list[Cell]:
    return [Cell(cell.kind, cell.source) for cell in cells]


def rebuilt(cells: list[Cell], master: tuple[MasterCell, ...] = MASTER) -> Rebuilt:
    return rebuild(Submission("alice", tuple(cells)), master)


def answers(result: Rebuilt) -> dict[str, str]:
    """The text of each question."""
    return {cell.master.grade_id: cell.source for cell in result.cells if cell.master and cell.master.is_question}


def added(result: Rebuilt) -> list[str]:
    return [cell.source for cell in result.cells if cell.master is None]


# --- nothing written ---


@pytest.mark.parametrize("keep_metadata", [True, False])
def test_where_nothing_was_written_both_questions_are_unanswered(keep_metadata: bool) -> None:
    result = rebuilt(handed_in() if keep_metadata else without_metadata(handed_in()))

    assert result.unanswered == {"q_why", "q_when"}
    assert answers(result) == {"q_why": WHY + HERE, "q_when": WHEN + HERE}


@pytest.mark.parametrize("source", [WHY, WHY + "\n\n", f"{WHY}\n\n---\n", "YOUR ANSWER HERE", "", f" \t\r\n{WHY}\n"])
def test_marks_and_blanks_are_no_answer(source: str) -> None:
    assert rebuilt(handed_in(q_why=source)).unanswered == {"q_why", "q_when"}


def test_where_the_questions_were_deleted_and_no_word_was_written_they_are_unanswered() -> None:
    result = rebuilt([cell for cell in handed_in() if cell.grade_id not in ("q_why", "q_when")])

    assert result.unanswered == {"q_why", "q_when"}
    assert "cell q_why is missing; the released one is used" in result.notes


def test_an_answer_to_one_question_in_its_own_cell_says_nothing_of_the_other() -> None:
    assert rebuilt(handed_in(q_why=WHY + HERE + "\n\nBecause.")).unanswered == {"q_when"}


def test_an_added_code_cell_elsewhere_is_no_answer() -> None:
    cells = handed_in()
    assert rebuilt([*cells[:2], bare("code", "x = 1"), *cells[2:]]).unanswered == {"q_why", "q_when"}


# --- where answers stand ---


@pytest.mark.parametrize("source", [f"{WHY}\n\nBecause.", f"Because.\n\n{WHY}", "Because.", "→", "5", "[picture 1]"])
def test_an_answer_in_its_own_cell_stays_as_it_was_written(source: str) -> None:
    result = rebuilt(handed_in(q_why=source))

    assert answers(result)["q_why"] == source
    assert "q_why" not in result.unanswered
    assert result.notes == ()


def test_an_answer_in_a_cell_below_its_question_is_shown_at_the_question_and_waits() -> None:
    cells = handed_in()
    result = rebuilt([*cells[:3], bare("markdown", "Because."), bare("raw", "And so."), *cells[3:]])

    assert answers(result)["q_why"] == f"{WHY}{HERE}\n\nBecause.\n\nAnd so."
    assert result.unanswered == set()  # it may answer the next question too
    assert result.notes == ("what stands below question q_why is taken for its answer",)
    assert added(result) == []


def test_an_answer_typed_into_a_code_cell_below_waits_and_stays_there() -> None:
    cells = handed_in()
    for source in ("because it is cheaper", "# because", "print('because')"):
        result = rebuilt([*cells[:3], bare("code", source), *cells[3:]])

        assert "q_why" not in result.unanswered
        assert added(result) == [source]


def test_words_in_a_code_cell_anywhere_may_be_the_answer() -> None:
    cells = handed_in()
    assert rebuilt([bare("code", "# the answer to both is no"), *cells]).unanswered == set()


@pytest.mark.parametrize("between", ["\n\n", "\n", " "])
@pytest.mark.parametrize("keep", ["q_why", "q_when", ""])
def test_two_questions_joined_into_one_cell_are_two_again(between: str, keep: str) -> None:
    cells = handed_in()
    joined = Cell("markdown", f"{WHY}\n\nBecause.{between}{WHEN}\n\nNever.", grade_id=keep)
    result = rebuilt([*cells[:2], joined, *cells[4:]])

    assert answers(result) == {"q_why": f"{WHY}\n\nBecause.", "q_when": f"{WHEN}\n\nNever."}
    assert result.unanswered == set()


@pytest.mark.parametrize("between", ["", f"{END}\n\n"])
def test_an_answer_joined_to_the_next_one_whose_question_is_gone_waits(between: str) -> None:
    cells = handed_in(q_when=f"Because.\n\n{between}Never.")

    assert rebuilt(cells).unanswered == set()


def test_one_answer_to_two_joined_questions_waits_at_both() -> None:
    cells = handed_in()
    joined = Cell("markdown", f"{WHY}\n\n{WHEN}\n\nNever, and because.", grade_id="q_why")
    result = rebuilt([*cells[:2], joined, *cells[4:]])

    assert answers(result)["q_when"].endswith("Never, and because.")
    assert result.unanswered == set()


def test_where_each_paragraph_became_a_cell_without_metadata_each_answer_is_at_its_question() -> None:
    paragraphs = [*TABLE.split("\n\n"), WHY, "One.", "Two.", WHEN, "Three.", END]
    cells = [bare("code", "import math"), *(bare("markdown", one) for one in paragraphs), bare("code", "print(math.e)")]
    result = rebuilt(cells)

    assert answers(result) == {"q_why": f"{WHY}\n\nOne.\n\nTwo.", "q_when": f"{WHEN}\n\nThree."}
    assert added(result) == []


def test_an_answer_ends_where_released_text_begins() -> None:
    cells = without_metadata(handed_in(q_when=f"{WHEN}\n\nNever.\n\n{END}\n\nMy notes."))
    result = rebuilt([cell for cell in cells if cell.source != END])

    assert answers(result)["q_when"] == f"{WHEN}\n\nNever."
    assert added(result) == ["My notes."]


def test_a_question_cut_in_two_in_the_middle_of_a_word_is_still_found() -> None:
    cells = without_metadata(handed_in())
    parts = [bare("markdown", WHY[:23]), bare("markdown", WHY[23:] + "\n\nBecause.")]

    assert "Because." in answers(rebuilt([*cells[:2], *parts, *cells[3:]]))["q_why"]


@pytest.mark.parametrize(
    "changed", [WHY.replace("**", "__"), WHY.replace("**", ""), f"> {WHY}", WHY.replace(" ", "\n")]
)
def test_a_question_whose_markdown_an_editor_rewrote_is_still_found(changed: str) -> None:
    cells = without_metadata(handed_in(q_why=f"{changed}\n\nBecause."))

    assert answers(rebuilt(cells))["q_why"] == f"{changed.strip()}\n\nBecause."


def test_a_quoted_question_does_not_take_an_answer_away() -> None:
    quoted = f"{WHY}\n\nBecause.\n\n> {WHEN}\n\nis another matter."
    result = rebuilt(handed_in(q_why=quoted))

    assert result.unanswered == set()
    assert "Because." in answers(result)["q_why"]
    assert "is another matter." in answers(result)["q_when"]


def test_where_question_and_metadata_are_lost_the_place_says_which_it_was() -> None:
    cells = without_metadata(handed_in(q_why="Because.", q_when="Never."))
    result = rebuilt(cells)

    assert answers(result) == {"q_why": "Because.", "q_when": "Never."}
    assert result.notes == tuple(
        f"cell {name} matched by its place (its metadata was lost)" for name in ("q_why", "q_when")
    )


def test_an_answer_in_a_given_cell_is_kept_and_every_question_waits() -> None:
    result = rebuilt(handed_in(title=f"{TABLE}\n\nMy answer is here."))

    assert added(result) == ["My answer is here."]
    assert result.unanswered == set()
    assert "what was typed into cell title is kept below it" in result.notes


def test_words_anywhere_may_be_the_answer() -> None:
    result = rebuilt([*handed_in(), bare("markdown", "Both: no.")])

    assert (result.unanswered, added(result)) == (set(), ["Both: no."])


def test_a_copy_of_a_question_adds_its_words_only() -> None:
    cells = handed_in(q_why=f"{WHY}\n\nOne.")
    again = Cell("markdown", f"{WHY}\n\nTwo.", "x", "q_why")

    assert answers(rebuilt([*cells[:3], cells[2], again, *cells[3:]]))["q_why"] == f"{WHY}\n\nOne.\n\n{WHY}\n\nTwo."


def test_a_notebook_of_answers_alone_is_graded() -> None:
    assert answers(rebuilt([bare("markdown", f"{WHY}\n\nBecause.")]))["q_why"].endswith("Because.")
    with pytest.raises(BadSubmission, match="not a notebook of the assignment"):
        rebuilt([bare("markdown", "Because."), bare("markdown", TABLE)])


def test_an_answer_in_code_that_people_grade_is_unanswered_while_it_is_the_stub() -> None:
    stub = MasterCell("code", "def f(x):\n    # TODO\n    ...", "f", "f", solution=True, points=2)
    master = (*MASTER, stub)
    cell = Cell("code", stub.source, "f", "f")

    assert "f" in rebuilt([*handed_in(), cell], master).unanswered
    written = Cell("code", stub.source.replace("...", "return 2 * x"), "f", "f")
    assert "f" not in rebuilt([*handed_in(), written], master).unanswered


# --- what editors change ---


RELEASED = json.loads(sample_class.RELEASE.read_text())
REAL = master_cells(RELEASED)
QUESTIONS = [cell.grade_id for cell in REAL if cell.is_question]


def real(*changes: Any) -> dict[str, Any]:
    notebook = json.loads(json.dumps(RELEASED))
    for cell in notebook["cells"]:
        for change in changes:
            change(cell)
    return notebook


def taken_in(notebook: dict[str, Any]) -> Rebuilt:
    return rebuild(parse_notebook(json.dumps(notebook).encode(), "alice"), REAL)


def source_of(change: Any) -> Any:
    """A change of the text of every cell."""

    def apply(cell: dict[str, Any]) -> None:
        cell["source"] = change("".join(cell["source"]))

    return apply


def of_colab(cell: dict[str, Any]) -> None:
    cell["metadata"] |= {"id": "xYz", "colab": {"base_uri": "https://localhost/"}, "outputId": "1-2"}


def of_vs_code(cell: dict[str, Any]) -> None:
    cell["metadata"]["vscode"] = {"languageId": "python"}
    cell["id"] = cell["id"][:8]


def of_kaggle(cell: dict[str, Any]) -> None:
    cell["metadata"] |= {"_cell_guid": "b1076dfc", "_uuid": "8f2839f2", "execution": {"iopub.status.busy": "2026"}}
    cell.pop("id")


def as_lines(cell: dict[str, Any]) -> None:
    cell["source"] = "".join(cell["source"]).splitlines(keepends=True)


def typographic(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    "change",
    [
        source_of(lambda text: text.replace("\n", "\r\n")),
        source_of(lambda text: text.replace("\n", "\r")),
        source_of(lambda text: text + "\n"),
        source_of(lambda text: text.replace("\n", "  \n") + "\t\n\n"),
        source_of(lambda text: re.sub("^    ", "\t", text, flags=re.MULTILINE)),
        source_of(lambda text: "\ufeff" + text),
        source_of(typographic),
        of_colab,
        of_vs_code,
        of_kaggle,
        as_lines,
        lambda cell: cell.pop("id"),
    ],
    ids=["crlf", "cr", "newline", "blanks", "tabs", "bom", "nfd", "colab", "vscode", "kaggle", "lines", "no_id"],
)
def test_what_editors_and_platforms_rewrite_is_no_edit(change: Any) -> None:
    result = taken_in(real(change))

    assert [note for note in result.notes if "differs" in note or "typed" in note or "added" in note] == []
    assert result.unanswered == {*QUESTIONS, *(cell.grade_id for cell in REAL if cell.solution)}


def test_an_edit_is_still_told() -> None:
    edited = taken_in(real(source_of(lambda text: text.replace("SEED = 0", "SEED = 1"))))

    assert edited.notes == ("cell setup differs from the released one, which is used",)


# --- fuzz: split, joined, without metadata, and every word is there ---


def token_of(number: int) -> str:
    return f"kestrel{number}plover"


@st.composite
def edited(draw: Any) -> "Edited":
    """The released notebook with a word of its own in each of some answers, its text cells split, joined, stripped."""
    cells = [dict(cell, source="".join(cell["source"])) for cell in json.loads(json.dumps(RELEASED["cells"]))]
    written: dict[str, str] = {}
    for number, name in enumerate(QUESTIONS):
        place = draw(st.sampled_from(["in", "after", "below", "instead", "above", ""]))
        if not place:
            continue
        at = next(i for i, cell in enumerate(cells) if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)
        words = draw(st.sampled_from(["{}", "It is {}, because.", "- one\n- {}\n\nTwo.", "# {}\n\n> quoted"]))
        written[name] = token_of(number)
        text = words.format(written[name])
        source = cells[at]["source"]
        if place == "below":
            cells.insert(at + 1, {"cell_type": "markdown", "metadata": {}, "source": text})
        elif place == "above":
            cells[at]["source"] = f"{text}\n\n{source}"
        elif place == "instead":
            cells[at]["source"] = text
        elif place == "in":
            cells[at]["source"] = source.replace("YOUR ANSWER HERE", text)
        else:
            cells[at]["source"] = f"{source}\n\n{text}"
    texts = st.integers(0, len(cells) + 20)
    near = st.sampled_from([i for i, cell in enumerate(cells) if "kestrel" in cell["source"]] or [0])
    for _ in range(draw(st.integers(0, 8))):
        at = min(draw(texts | near), len(cells) - 1)
        cell = cells[at]
        if cell["cell_type"] != "markdown":
            continue
        kind = draw(st.sampled_from(["split", "join", "lose", "crlf", "raw"]))
        if kind == "split" and len(cell["source"]) > 1:
            cut = draw(st.integers(1, len(cell["source"]) - 1))
            if any(
                0 <= cell["source"].find(one) < cut < cell["source"].find(one) + len(one) for one in written.values()
            ):
                continue  # not through the word that is looked for
            first, second = (
                dict(cell, source=cell["source"][:cut]),
                dict(cell, source=cell["source"][cut:], id=f"n{at}"),
            )
            if draw(st.booleans()):
                second["metadata"] = {}
            cells[at : at + 1] = [first, second]
        elif kind == "join" and at + 1 < len(cells) and cells[at + 1]["cell_type"] == "markdown":
            kept = cells[at + draw(st.integers(0, 1))]
            between = draw(st.sampled_from(["\n\n", "\n", ""]))
            cells[at : at + 2] = [dict(kept, source=cell["source"] + between + cells[at + 1]["source"])]
        elif kind == "lose":
            cell["metadata"] = {}
            cell.pop("id", None)
        elif kind == "crlf":
            cell["source"] = cell["source"].replace("\n", "\r\n")
        elif kind == "raw":
            cell["cell_type"] = "raw"
    if draw(st.integers(0, 2)) == 0:
        for cell in cells:
            cell["metadata"] = {}
            cell.pop("id", None)
    return Edited({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, written)


class Edited(NamedTuple):
    """A notebook, and question -> the word that stands in its answer."""

    notebook: dict[str, Any]
    words: dict[str, str]

    def __repr__(self) -> str:
        """The cells of text alone."""
        return repr([cell["source"] for cell in self.notebook["cells"] if cell["cell_type"] != "code"])


@tiers(quick=40, slow=3_000)
def test_every_answer_is_shown_and_its_question_waits(examples: int) -> None:
    @bounded(examples)
    @given(edited())
    def holds(case: Edited) -> None:
        notebook, written = case
        result = taken_in(notebook)
        shown = answers(result)
        everything = "\n".join(cell.source for cell in result.cells if cell.kind != "code")
        for name, token in written.items():
            assert name not in result.unanswered
            assert token in everything
            event("at its question" if token in shown[name] else "elsewhere, and the question waits")

    holds()


@pytest.mark.parametrize("text", ["![", "YOUR ANSWER HERE\n", WHY + "\n", "| a |\n", "\n", "é", "word "])
def test_much_text_costs_no_seconds(text: str) -> None:
    cells = [*handed_in(), *[bare("markdown", text * (200_000 // len(text)))] * 8]
    begin = time.process_time()
    rebuilt(cells)

    assert time.process_time() - begin < 4


@pytest.mark.parametrize(
    ("code", "waits"),
    [
        ('print("""Q1: because the early exits take what is easy""")', True),
        ("# because the early exits take what is easy\nx = 1", True),
        ("%%markdown\nbecause", True),
        ("answers = ['because the early exits take what is easy']", True),
        ("x = 1  # two short words\nplt.title('a label')", False),
    ],
)
def test_words_in_a_cell_of_code_may_answer_any_question(code: str, waits: bool) -> None:
    added = {"cell_type": "code", "metadata": {}, "source": code, "outputs": [], "execution_count": None}
    notebook = json.loads(json.dumps(RELEASED))
    notebook["cells"].append(added)

    assert taken_in(notebook).unanswered.isdisjoint(QUESTIONS) is waits


@pytest.mark.parametrize("source", ["1) because\n\n2) because", "Q1: because\nQ2: because", "a. because\n\nb. because"])
def test_the_answers_to_several_questions_may_stand_in_one(source: str) -> None:
    notebook = json.loads(json.dumps(RELEASED))
    (first, *_) = [cell for cell in notebook["cells"] if cell["metadata"]["nbgrader"]["grade_id"] == QUESTIONS[0]]
    first["source"] = "".join(first["source"]) + f"\n\n{source}"

    assert taken_in(notebook).unanswered.isdisjoint(QUESTIONS)


def test_a_comment_on_code_is_no_answer_unless_it_says_so() -> None:
    notebook = json.loads(json.dumps(RELEASED))
    (cell, *_) = [cell for cell in notebook["cells"] if cell["metadata"]["nbgrader"]["grade_id"] == "mac_ratio"]
    code = "".join(cell["source"])
    cell["source"] = f"{code}\n# the early exits take what is easy, so they are cheap"
    assert taken_in(notebook).unanswered >= set(QUESTIONS)

    cell["source"] = f"{code}\n# Q2: the early exits take what is easy"
    assert taken_in(notebook).unanswered.isdisjoint(QUESTIONS)

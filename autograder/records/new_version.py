"""Takes a gradebook with grades over to another version of the assignment.

nbgrader refuses other cells. Here the notebook is entered anew, and what was submitted moves to it: grades and comments
of a cell that still exists follow the cell, also under another name if its text is the same. The rest is dropped and
told. Knows nothing of submissions' files. The caller keeps a copy of the gradebook, and commits.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from nbgrader.api import BaseCell, Comment, Grade, Gradebook, GradeCell, Notebook, SolutionCell, SubmittedNotebook
from sqlalchemy import or_

from autograder.errors import counted

BY_HAND = {
    Grade: or_(Grade.manual_score.is_not(None), Grade.extra_credit.is_not(None)),
    Comment: Comment.manual_comment.is_not(None),
}
WHAT = {Grade: "mark", Comment: "comment"}


def move(gradebook: Gradebook, name: str, enter: Callable[[], None]) -> list[str]:
    """Enter a new version of an assignment's notebook in place of the one that has submissions.

    Args:
        name: Of the assignment, and of its notebook.
        enter: Enters the notebook where there is none of this name.

    Returns:
        What people gave and is dropped: "check_ratio (2 marks)". Nothing is committed.
    """
    old = gradebook.find_notebook(name, name)
    old.name = aside = f"{name} (before)"
    gradebook.db.flush()
    enter()
    new = gradebook.find_notebook(name, name)
    gradebook.db.query(SubmittedNotebook).filter_by(notebook_id=old.id).update({"notebook_id": new.id})
    submitted = [one.id for one in gradebook.db.query(SubmittedNotebook).filter_by(notebook_id=new.id)]
    follows, dropped = _follows(old, new), []
    for cell in old._base_cells:
        for rows in _tables(cell):
            mine = gradebook.db.query(rows).filter_by(cell_id=cell.id)
            if cell.id in follows:
                mine.update({"cell_id": follows[cell.id].id})
            else:
                dropped += _told(cell, rows, mine)
                mine.delete()
    moved = {cell.id for cell in follows.values()}
    for cell in new._base_cells:
        for rows in _tables(cell) if cell.id not in moved else ():
            gradebook.db.add_all(rows(cell_id=cell.id, notebook_id=one) for one in submitted)
    gradebook.db.flush()
    gradebook.db.expire_all()  # what was moved is still known at its old place
    gradebook.remove_notebook(aside, name)
    return dropped


def void(gradebook: Gradebook, cells: Iterable[GradeCell]) -> list[str]:
    """Set the points of cells that are worth nothing now to 0, in all submissions.

    Returns:
        What people gave and is dropped; nothing is committed.
    """
    dropped = []
    for cell in cells:
        mine = gradebook.db.query(Grade).filter_by(cell_id=cell.id)
        dropped += _told(cell, Grade, mine)
        mine.update({"auto_score": 0.0, "manual_score": None, "extra_credit": None, "needs_manual_grade": False})
    return dropped


def look_again(gradebook: Gradebook, cells: Iterable[GradeCell]) -> list[str]:
    """Ask for a second look at points by hand above the maximum of these cells; what was found so."""
    found = []
    for cell in cells:
        above = gradebook.db.query(Grade).filter_by(cell_id=cell.id).filter(Grade.manual_score > cell.max_score)
        found += _told(cell, Grade, above)
        above.update({"needs_manual_grade": True})
    return found


def _tables(cell: BaseCell) -> tuple[type, ...]:
    """The tables with rows of a cell for each submission."""
    if isinstance(cell, GradeCell):
        return (Grade,)
    return (Comment,) if isinstance(cell, SolutionCell) else (Grade, Comment)


def _told(cell: BaseCell, rows: Any, mine: Any) -> list[str]:
    count = mine.filter(BY_HAND[rows]).count()
    return [f"{cell.name} ({counted(count, WHAT[rows])})"] if count else []


def _follows(old: Notebook, new: Notebook) -> dict[str, BaseCell]:
    """Id of an old cell -> the new one of its kind with its name, else with its text."""
    before, after = ({cell.name: cell.source for cell in notebook.source_cells} for notebook in (old, new))
    came = {text: name for name, text in after.items() if name not in before}
    known = Counter([*before.values(), *after.values()])
    renamed = {  # where the text is nobody else's
        name: came[text] for name, text in before.items() if name not in after and text in came and known[text] == 2
    }
    there = {(cell.type, cell.name): cell for cell in new._base_cells}
    pairs = {cell.id: there.get((cell.type, renamed.get(cell.name, cell.name))) for cell in old._base_cells}
    return {cell: now for cell, now in pairs.items() if now}

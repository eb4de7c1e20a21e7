"""What formgrader shows graders next to a submission: links to the written answers, and what to mark them by."""

from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat.v4 import new_markdown_cell

from autograder.nbgrader_plugins.folders import solutions_folder
from autograder.records.mark_scheme import MarkScheme, mark_schemes

BELOW_THE_BAR = "<style>input.score { scroll-margin-top: 9em }</style>\n\n"  # formgrader's, which stays at the top


class HelpsGraders(Preprocessor):
    """Adds what only graders see to a notebook that formgrader shows: links to the written answers, and mark schemes.

    Nothing of it is ever in a file.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        if "submission_id" not in resources:  # not formgrader's
            return nb, resources
        name = resources["assignment_id"]
        solutions = solutions_folder(self.config) / name / f"{name}.ipynb"
        try:
            schemes = mark_schemes(solutions)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            self.log.warning("%s cannot be read, so no mark scheme is shown: %s", solutions, error)
            return nb, resources
        cells = []
        for cell in nb.cells:
            cells.append(cell)
            scheme = schemes.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
            if scheme:
                cells.append(new_markdown_cell(_for_graders(scheme)))
        links = " · ".join(f"[{question}](#{question})" for question in schemes)
        if links:
            cells.insert(0, new_markdown_cell(f"{BELOW_THE_BAR}Written answers: {links}"))
        nb.cells = cells
        return nb, resources


def _for_graders(scheme: MarkScheme) -> str:
    parts = [("Mark scheme", scheme.scheme), ("Model answer", scheme.answer)]
    shown = [
        f"<details open><summary><b>{title}</b>, for graders only</summary>\n\n{text}\n\n</details>"
        for title, text in parts
        if text
    ]
    return '<div style="border-left: 4px solid #999; padding-left: 1em">\n\n' + "\n\n".join(shown) + "\n\n</div>"

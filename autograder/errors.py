"""The exceptions of the grader, and whose fault each is.

AutograderError
├── UsageError          the instructor gave something we cannot use; exit code 2, one sentence
├── SubmissionError     the student's file or code; becomes a typed verdict, never stops the class
│   └── BadSubmission   refused before anything ran (BAD_FILE or EMPTY)
└── GraderError         our own fault or the machine's; the submission becomes GRADER_ERROR, no points are lost
    ├── BoxUnavailable  no isolation can be had here; grading refuses to start
    │   └── TemplateFailed  a template of warm boxes is broken; another one may do
    ├── BackendGone     nothing runs notebooks any more; grading stops, and what is graded stays graded
    └── EvidenceError   what came out of the box is not well-formed evidence
"""

from collections.abc import Iterable

from autograder.results import Verdict


class AutograderError(Exception):
    """Base of everything this package raises on purpose; its text is a sentence for a person."""


class UsageError(AutograderError):
    """The instructor's input cannot be used: a bad path, an empty folder, an unknown option value."""


class SubmissionError(AutograderError):
    """The submission is at fault."""


class BadSubmission(SubmissionError):
    """The submitted file is refused before anything of it runs.

    Attributes:
        verdict: ``BAD_FILE`` or ``EMPTY``.
    """

    def __init__(self, message: str, verdict: Verdict = Verdict.BAD_FILE) -> None:
        super().__init__(message.encode("utf-8", "replace").decode())  # it may quote a file name that is no text
        self.verdict = verdict


class GraderError(AutograderError):
    """The grader or the machine is at fault; never the student."""


class BoxUnavailable(GraderError):
    """No box can be started on this machine; the text says why and what to do."""


class TemplateFailed(BoxUnavailable):
    """A template of warm boxes did not make one, or died under it; what ran there says nothing of the student."""


class BackendGone(GraderError):
    """What runs notebooks is gone, a cluster for instance: the rest of the class is not graded, and is no failure."""


class EvidenceError(GraderError):
    """Evidence breaks its format or its size; the judge treats it as not given."""


def listed(names: Iterable[str], most: int = 8) -> str:
    """The names with commas, or semicolons where they hold commas; of many the first, and how many more."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ("; " if any("," in name for name in every) else ", ").join(every[:most]) + more


def counted(count: int, what: str) -> str:
    """ "1 answer", "2 answers"."""
    return f"{count} {what}{'' if count == 1 else 's'}"

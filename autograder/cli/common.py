"""What all verbs share: the options for a course, its settings, and errors as one sentence and an exit code."""

import contextlib
import errno
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from autograder.assignments.assignment import assignments_of
from autograder.config import Settings, find_course, load_settings
from autograder.errors import AutograderError, UsageError
from autograder.printable import printable

OK, GRADER_FAILED, BAD_USAGE = 0, 1, 2
MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}


def course_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options every verb shares."""
    command = click.option(
        "--workspace", type=click.Path(path_type=Path, file_okay=False), help="Where results go; default grading/."
    )(command)
    command = click.option(
        "--assignment", shell_complete=assignment_names, help="Its name; may be left out where the course has one."
    )(command)
    return click.option(
        "--course",
        type=click.Path(path_type=Path, file_okay=False),
        help="The course folder; default: found from here.",
    )(command)


def assignment_names(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """The course's assignments that begin with what was typed, for the shell."""
    with contextlib.suppress(AutograderError, OSError):
        root = context.params.get("course") or find_course(Path.cwd())
        return [name for name in assignments_of(root) if name.startswith(typed)]
    return []


def student_names(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Students who are in the workspace's results and whose names begin with what was typed, for the shell."""
    found: set[str] = set()
    with contextlib.suppress(AutograderError, OSError):
        root = context.params.get("course") or find_course(Path.cwd())
        place = context.params.get("workspace") or root / "grading"
        one = context.params.get("assignment")
        from autograder.records.results_json import load_results

        for name in [str(one)] if one else assignments_of(root):
            with contextlib.suppress(AutograderError):
                found |= {grade.student for grade in load_results(place, name).grades}
    return sorted(name for name in found if name.startswith(typed))


def settings_of(course: Path | None, workspace: Path | None, assignment: str | None, **overrides: Any) -> Settings:
    """The settings that these options mean."""
    root = (course or find_course(Path.cwd())).resolve()
    return load_settings(root, (workspace or root / "grading").resolve(), assignment, **overrides)


@contextlib.contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Turns our exceptions into one line and an exit code."""
    try:
        yield
    except AutograderError as error:
        # The sentence may quote a name that somebody chose.
        click.echo(f"autograder: {printable(str(error))}", err=True)
        sys.exit(BAD_USAGE if isinstance(error, UsageError) else GRADER_FAILED)
    except PermissionError as error:
        click.echo(f"autograder: {error.filename} cannot be used: {error.strerror}. Change its rights.", err=True)
        sys.exit(BAD_USAGE)
    except Exception as error:
        click.echo(f"autograder: {_no_room(error) or _logged(error)}", err=True)
        sys.exit(GRADER_FAILED)
    except KeyboardInterrupt:
        click.echo("\nautograder: stopped. What was graded so far is recorded; run the same command again.", err=True)
        sys.exit(GRADER_FAILED)


@contextlib.contextmanager
def cluster_extra() -> Iterator[None]:
    """Turns an import that fails into a sentence that names the extra."""
    try:
        yield
    except ImportError as error:
        raise UsageError(
            f"A cluster needs the extra of that name ({error}). Install it: python -m pip install -c constraints.txt "
            "-e '.[grading,cluster]'"
        ) from None


def _no_room(error: Exception) -> str:
    """The sentence for a machine that has no room for us; "" for any other error."""
    if not isinstance(error, OSError) or error.errno not in MACHINE:
        return ""
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror}{where}. What was graded so far is recorded; make room and run the same command again."


def _logged(error: Exception) -> str:
    """Keep the details of a fault of ours in a file; the sentence about it."""
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile("w", prefix="autograder-", suffix=".log", delete=False) as log:
            traceback.print_exception(error, file=log)
    except OSError:
        return f"this is a fault of the grader ({type(error).__name__}: {error}), and its log cannot be written."
    return f"this is a fault of the grader. Please report it with {log.name}."

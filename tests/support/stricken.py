"""The command line, struck down: ends itself with SIGKILL at a chosen touch of the workspace.

    python tests/support/stricken.py LOG LABEL grade ... --workspace DIR ...

A touch is anything that can leave something half done: a file opened for writing, made, moved or removed, a process
started, a statement or a commit sent to the gradebook. Each is written to LOG under a label before it happens. At the
first one called LABEL ("" for none) the process dies; a file to be opened is left as opening it leaves it: empty.
"""

import os
import re
import signal
import sys
from pathlib import Path

PATHS = {"os.rename": 1, "os.remove": 0, "shutil.rmtree": 0, "sqlite3.connect": 0}  # event -> which word is the path


def strike_at(log: Path, fatal: str, workspace: str) -> None:
    """From here on note every touch, and die at the one called ``fatal``."""
    noted = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    dying = False

    def touch(label: str, opened: str = "") -> None:
        nonlocal dying
        os.write(noted, f"{label}\n".encode())
        if label == fatal:
            dying = True
            if opened:
                os.close(os.open(opened, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, words: tuple) -> None:
        if dying:
            return
        if event == "subprocess.Popen":
            touch(f"start {Path(str(words[0])).name}")
            return
        if event == "open" and not (isinstance(words[2], int) and words[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        path = words[PATHS.get(event, 0)] if event == "open" or event in PATHS else None
        if isinstance(path, str | os.PathLike) and (name := os.fspath(path)).startswith(f"{workspace}/"):
            label = re.sub(r"(?<=ed/)\w+|[0-9a-f]{32}", "x", name.removeprefix(f"{workspace}/"))
            touch(f"{event} {label}", name if event == "open" else "")

    sys.addaudithook(audit)

    import sqlalchemy

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
    def _statement(connection, cursor, statement, *rest) -> None:  # type: ignore[no-untyped-def]
        if written := re.match(r"\s*(INSERT INTO|UPDATE|CREATE TABLE) (\w+)", statement):
            touch(f"{written[1]} {written[2]}")

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "commit")
    def _commit(connection) -> None:  # type: ignore[no-untyped-def]
        touch("commit")


if __name__ == "__main__":
    log, fatal, *sys.argv[1:] = sys.argv[1:]
    strike_at(Path(log), fatal, sys.argv[sys.argv.index("--workspace") + 1])
    from autograder.cli import main

    main()

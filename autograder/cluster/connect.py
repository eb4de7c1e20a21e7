"""A connection to a Dask cluster: one that runs already, or one of this machine. The only file that knows Dask's own
names for such things.

Whoever can talk to a Dask scheduler can run anything as the user who started it. So the grader talks TLS with
certificates on both sides, and nothing else: on a machine with other users, students for instance, an open port would
give them the instructor's account, the class and the grades. ``autograder cluster FOLDER`` makes certificates.
"""

import contextlib
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dask.config
from distributed import Client, LocalCluster, Security

from autograder.errors import GraderError, UsageError

CONNECT_S = 30
NOTHING = logging.CRITICAL + 1  # its log is about connections; what matters of it the grader says itself
QUIET = {
    "logging": dict.fromkeys(("distributed", "tornado", "asyncio"), NOTHING),
    "distributed.scheduler.http.routes": [],  # pages that anybody on the machine could read
    "distributed.worker.http.routes": [],
    "distributed.worker.daemon": False,
    # Dask would count the worker's own memory only, and stop it where a box next to it needs none.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.scheduler.allowed-failures": 10,  # the grader counts, see home.py
}


@contextlib.contextmanager
def workers_here(count: int) -> Iterator[Client]:
    """So many worker processes on this machine; they end with the grader."""
    _be_quiet()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="autograder-cluster-"))
        security = Security.temporary()
        try:
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=count,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    protocol="tls://",
                    security=security,
                    dashboard_address=None,
                    worker_dashboard_address=None,
                    memory_limit=0,
                    local_directory=folder,
                    silence_logs=NOTHING,
                )
            )
            client = stack.enter_context(Client(cluster, security=security, timeout=CONNECT_S))
        except (OSError, RuntimeError) as error:
            raise GraderError(f"No workers can be started on this machine: {error}.") from None
        yield client


@contextlib.contextmanager
def cluster_at(scheduler: str, say: Callable[[str], None]) -> Iterator[Client]:
    """The cluster whose scheduler has this address, or writes this file.

    Raises:
        UsageError: Nobody answers there, or not as this grader can trust.
    """
    _be_quiet()
    address = scheduler
    if "://" not in scheduler:
        file = Path(scheduler).expanduser().resolve()
        if (file.parent / "dask.yaml").is_file():
            dask.config.update(dask.config.config, dask.config.collect([str(file.parent)], env={}), priority="new")
        address = _address_in(file, say)
    if not address.startswith("tls://"):
        raise UsageError(
            f"The scheduler at {address} talks without TLS. Whoever reaches it could run anything in your name. Make "
            "a folder with certificates with `autograder cluster FOLDER`, and start scheduler and workers as it says."
        )
    try:
        security = Security(require_encryption=True)
        client = Client(address, security=security, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise UsageError(
            f"No scheduler answers at {address} within {CONNECT_S} s ({error}). Start one; if it runs, give this "
            "command its certificates, with the variable DASK_CONFIG or the scheduler's file in their folder."
        ) from None
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=2)


def _address_in(file: Path, say: Callable[[str], None]) -> str:
    """The address in the file that a scheduler writes when it starts, which may be hours from now in a queue."""
    if not file.parent.is_dir():
        raise UsageError(f"There is no folder {file.parent}. Give a scheduler's address (tls://...) or its file.")
    if not file.exists():
        say(f"Waiting for {file}, which the scheduler writes when it starts")
    while not file.exists():
        time.sleep(0.5)
    try:
        return str(json.loads(file.read_text())["address"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{file} is no file of a Dask scheduler. Give its address (tls://...) or its file.") from None


def _be_quiet() -> None:
    dask.config.set(QUIET)
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(NOTHING)

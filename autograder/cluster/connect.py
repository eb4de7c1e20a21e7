"""A connection to a Dask cluster: one that runs already, or one that is started on this machine.

The grader talks to a scheduler by TLS and not otherwise; folder.py says why.
"""

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dask.config
from distributed import Client, LocalCluster, Security

from autograder.box.sweep import scratch_folder
from autograder.cluster.folder import SETTINGS, make_folder
from autograder.errors import GraderError, UsageError

CONNECT_S = 30
NOTHING = logging.CRITICAL + 1  # Dask's log is about connections; what matters of it the grader says itself
LOOK_S = 0.5


@contextlib.contextmanager
def workers_here(count: int) -> Iterator[Client]:
    """A cluster of so many worker processes on this machine. It ends with the grader.

    The scheduler is a part of this process, so that it cannot outlive it. The workers end when they lose it.
    """
    _be_quiet()
    with contextlib.ExitStack() as stack:
        outer = scratch_folder()  # if this grader is killed, the next one removes it
        stack.callback(shutil.rmtree, outer, ignore_errors=True)
        folder = make_folder(outer / "cluster")
        _use(folder)
        dask.config.set({"temporary-directory": str(folder)})
        security = Security(require_encryption=True)
        try:
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=0,
                    host="127.0.0.1",
                    protocol="tls://",
                    security=security,
                    dashboard_address="127.0.0.1:0",
                    silence_logs=NOTHING,
                )
            )
            client = stack.enter_context(
                Client(cluster.scheduler_address, security=security, timeout=CONNECT_S, set_as_default=False)
            )
        except (OSError, RuntimeError) as error:
            raise GraderError(f"No cluster can be started on this machine: {error}.") from None
        stack.enter_context(_processes(cluster.scheduler_address, count, folder))
        yield client


@contextlib.contextmanager
def _processes(scheduler: str, count: int, folder: Path) -> Iterator[None]:
    """Worker processes, each of which is replaced when it ends."""
    # In this place and not by Dask's nanny, which gives up on a worker that ends before it is connected.
    command = [sys.executable, "-m", "dask", "worker", scheduler, "--no-nanny", "--nthreads", "1"]
    command += ["--host", "127.0.0.1", "--protocol", "tls", "--memory-limit", "0", "--death-timeout", f"{CONNECT_S}"]
    command += ["--local-directory", str(folder), "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    environment = os.environ | {"DASK_CONFIG": str(folder)}
    running: list[subprocess.Popen[bytes]] = []
    ended = threading.Event()

    def start() -> subprocess.Popen[bytes]:
        with (folder / "workers.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the grader, which then ends them
            )

    def replace_those_that_end() -> None:
        while not ended.wait(LOOK_S):
            running[:] = [start() if one.poll() is not None else one for one in running]

    keeper = threading.Thread(target=replace_those_that_end, name="workers", daemon=True)
    try:
        running += [start() for _ in range(count)]
        keeper.start()
        yield
    finally:
        ended.set()
        keeper.join()
        for one in running:
            one.kill()
        for one in running:
            one.wait()


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
        if (file.parent / SETTINGS).is_file():
            _use(file.parent)
        address = _address_in(file, say)
    if not address.startswith("tls://"):
        raise UsageError(
            f"The scheduler at {address} talks without TLS. Whoever reaches it could run anything in your name. Make "
            "a folder with certificates with `autograder cluster FOLDER`, and start scheduler and workers as it says."
        )
    security = Security(require_encryption=True)
    if not security.tls_client_cert:
        raise UsageError(
            f"This command has no certificate for the scheduler at {address}. Give the scheduler's file in the folder "
            "that `autograder cluster` made, or name that folder in the variable DASK_CONFIG."
        )
    try:
        client = Client(address, security=security, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise UsageError(
            f"No scheduler answers at {address} within {CONNECT_S} s ({error}). Start one, or wait until it runs, and "
            "see that its certificate is that of the folder whose file you give."
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


def _use(folder: Path) -> None:
    """Take the settings of a folder that :func:`autograder.cluster.folder.make_folder` made."""
    dask.config.update(dask.config.config, dask.config.collect([str(folder)], env={}), priority="new")


def _be_quiet() -> None:
    dask.config.set({"logging": dict.fromkeys(("distributed", "tornado", "asyncio"), NOTHING)})
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(NOTHING)

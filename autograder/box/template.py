"""Warm boxes: a template process in a box of its own, of which every kernel is a fork (see inside/template.py).

Starting Python and importing torch took longer than most notebooks. So each worker keeps one template, and each box
is a fork of it. Boxes that run at the same time come from different templates, so they are as far apart as cold ones. A
box is separated from those before it by its own namespaces. If a workspace holds no run yet, templates start while the
release is made.
"""

import contextlib
import json
import queue
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import psutil

from autograder.box.cgroup import group_folders
from autograder.box.isolation import as_box_user, box_environment, enclose_template, python_in_box, to_preload
from autograder.box.kill import kill_tree
from autograder.box.processes import children, members
from autograder.config import Settings
from autograder.errors import BoxUnavailable, TemplateFailed

READY_S = 120  # importing torch takes seconds, many on a loaded machine
FORK_S = 30


class Template:
    """One template process.

    Args:
        begun: Called with the template before it is ready; from then on it can be closed.

    Raises:
        BoxUnavailable: It did not come up, for instance where bubblewrap may not allow nested namespaces.
    """

    def __init__(self, settings: Settings, begun: Callable[["Template"], None] = lambda one: None) -> None:
        group_folders()  # first: it may move this process, and a template left behind would fork into no group
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [python_in_box(), "-P", "-m", "inside.template", str(theirs.fileno())]
            command.append(json.dumps(to_preload(settings)))
            self._box = psutil.Popen(
                enclose_template(command, settings),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=box_environment(settings),
                cwd="/",
                start_new_session=True,
                **as_box_user(settings),
            )
        begun(self)
        try:
            if self._answer(READY_S) != b"ready":
                kill_tree(self._box)
                said = self._box.stderr.read().decode(errors="replace").strip().splitlines() or ["no message"]
                raise OSError(said[-1])
            self._pid = members(self._box.pid)[-1]
        except (OSError, ValueError) as error:  # a ValueError where it was closed meanwhile
            self.close()
            raise BoxUnavailable(f"No template of warm boxes can be had here ({error}).") from None

    def fork(self, descriptors: Sequence[int]) -> psutil.Process:
        """A new process that waits for its orders from the first of ``descriptors``.

        Raises:
            TemplateFailed: It does not answer, or not as it should.
        """
        try:
            socket.send_fds(self._orders, [b"fork"], list(descriptors))
            answer = self._answer(FORK_S)
            forks = children(self._pid)
            if answer == b"forked" and len(forks) == 1:
                return psutil.Process(forks[0])
        except (OSError, psutil.Error):
            pass
        raise TemplateFailed("The template of warm boxes did not make a new one.")

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._box.poll() is None

    def close(self) -> None:
        """End the template and everything that came from it."""
        with contextlib.suppress(OSError):
            self._orders.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for it, which closing would not
        kill_tree(self._box)
        self._orders.close()
        self._box.stderr.close()

    def _answer(self, seconds: float) -> bytes:
        self._orders.settimeout(seconds)
        try:
            return self._orders.recv(64)
        except OSError:
            return b""


class Templates:
    """Templates for as many workers as ask for one at a time; made when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # bubblewrap ends with the thread that started it, so threads that stay start all templates.
        self._makers = ThreadPoolExecutor(settings.jobs + 1, thread_name_prefix="template")
        self._idle: queue.SimpleQueue[Template] = queue.SimpleQueue()
        self._ahead: queue.SimpleQueue[Future[Template]] = queue.SimpleQueue()
        self._all: list[Template] = []  # the unready and the dead too

    def prestart(self, count: int) -> None:
        """Make so many while the caller does something else; whoever borrows one gets its error."""
        for _ in range(count):
            self._ahead.put(self._made())

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Template]:
        """A template that nobody else uses meanwhile; one that fails its user is not given out again.

        Raises:
            BoxUnavailable: A new one did not come up.
        """
        template = self._living() or self._made().result()
        try:
            yield template
        except BaseException:
            template.close()
            raise
        self._idle.put(template)

    def _living(self) -> Template | None:
        """One that is idle or was begun ahead, if there is one that did not die meanwhile.

        Raises:
            BoxUnavailable: One begun ahead did not come up.
        """
        with contextlib.suppress(queue.Empty):
            while True:
                template = self._idle.get_nowait() if not self._idle.empty() else self._ahead.get_nowait().result()
                if template.alive():
                    return template
                template.close()
        return None

    def _made(self) -> "Future[Template]":
        return self._makers.submit(Template, self._settings, self._all.append)

    def close(self) -> None:
        """End all of them, those too that are still being made."""
        self._makers.shutdown(wait=False, cancel_futures=True)
        for template in self._all:
            template.close()

"""Runs cells on the kernel beside it, for the grader: the real nbclient, in the box.

An order is one cell: ``at`` (its place in the notebook), ``source``, ``silent``, and ``hidden`` for a call of ours that
is no cell. The answer says what it left: ``outputs`` (place -> outputs), ``error`` ("" if it raised none), and
``evidence`` (one JSON text, or null). An update of a display id changes an earlier cell. The next hidden call brings
these: brought by each cell, a page that is updated again and again would come as often. If
the notebook has shown more than it may, ``flooded`` is said once, while the cell still runs; from then on outputs are
dropped and the cells that follow still run.

Student code may take this process over. It gains what a forged message would give it: nothing, see observe.py.

What we rely on in nbclient, next to its documented interface; tests/autograder/inside/test_driver.py fails when one of
these changes: ``process_message`` is given each message of a cell, ``_display_id_map`` says where a display id is
shown, and ``kc`` is the client that is used.
"""

import asyncio
import itertools
import socket
from collections.abc import Callable
from queue import Empty
from typing import Any

import nbformat
from jupyter_client.asynchronous import AsyncKernelClient
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete

from . import wire
from .kernel import quiet_but_for_failure
from .names import EVIDENCE

DRAIN_S = 90  # for the rest of a cell's messages: after a flood they come late, and evidence among them
READY_S = 0.2  # for an answer of the kernel, before it is asked again
MAX_OUTPUTS = 1_000  # of one cell, neighbouring pieces of text joined; the grader shows 200
MAX_LINES = 1_000  # of a traceback

nbformat.v4.new_code_cell()  # the first one reads and compiles the schema: once in the template, not in each box


def run(
    stream: socket.socket, connection: dict[str, Any], spec: dict[str, Any], until_it_listens: Callable[[], Any]
) -> None:
    """Say that the kernel is ready, then carry out orders until the grader hangs up."""
    asyncio.run(_drive(stream, connection, spec, until_it_listens))


async def _drive(
    stream: socket.socket, connection: dict[str, Any], spec: dict[str, Any], until_it_listens: Callable[[], Any]
) -> None:
    flooded = wire.packed({"flooded": True})
    with quiet_but_for_failure():
        client = BoxClient()
        client.load_connection_info(connection)
        notebook = CountingClient(client, spec["output_bytes"], lambda: stream.sendall(flooded))
        until_it_listens()  # the kernel takes longer to start than all this
        client.start_channels()
        await client.wait_for_ready()
    stream.sendall(wire.packed({"ready": True}))
    while (order := wire.receive(stream)) is not None:
        answer = wire.packed(await notebook.carry_out(**order))
        if len(answer) > spec["message_bytes"]:
            notebook.flood()
            answer = wire.packed({"outputs": {}, "error": notebook.error, "evidence": None})
        stream.sendall(answer)


class BoxClient(AsyncKernelClient):
    """An AsyncKernelClient with two channels, a faster ready check, and a switch for silent cells.

    A kernel that ends takes the box with it, so nobody need ask whether it lives.

    Attributes:
        silent: Whether cells are run without showing the value of their last line; what they print is still shown.
    """

    silent = False

    def start_channels(self, **_: Any) -> None:
        """Open the two channels that are used. Without stdin, a cell that asks for input raises an error."""
        super().start_channels(stdin=False, hb=False, control=False)

    async def is_alive(self) -> bool:
        """True; see above."""
        return True

    def execute(self, code: str, silent: bool = False, *words: Any, **more: Any) -> str:
        """Send a cell; see jupyter_client."""
        return super().execute(code, silent or self.silent, *words, **more)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel has answered one request over both channels; the grader keeps the time.

        jupyter_client would then wait until nothing has come for a fifth of a second.
        """
        while True:
            request = self.kernel_info()
            try:
                while (await self.shell_channel.get_msg(timeout=READY_S))["parent_header"].get("msg_id") != request:
                    pass
                while not _idle_after(request, await self.iopub_channel.get_msg(timeout=READY_S)):
                    pass
                return
            except Empty:  # too early: what it said was said before we listened
                pass


class CountingClient(NotebookClient):
    """nbclient that counts what it is sent and lets no message disturb it.

    All that cells and hidden calls show counts as output. Only the first two pieces of evidence of a hidden call do
    not: two are enough to show that it was doubled. An update of a display id counts once more for each output that it
    replaces. A message that breaks Jupyter's protocol is dropped.

    Args:
        output_bytes: Characters that all outputs may have.
        tell: Called when they have more.

    Attributes:
        error: What the last cell raised; "" if nothing.
    """

    def __init__(self, client: BoxClient, output_bytes: int, tell: Callable[[], None]) -> None:
        super().__init__(
            nbformat.v4.new_notebook(),
            km=None,
            allow_errors=True,
            timeout=None,  # the grader keeps the time
            iopub_timeout=DRAIN_S,
            record_timing=False,
            skip_cells_with_tag="\0",  # no tag can skip a cell
        )
        self.kc = client
        self.on_cell_executed = self._executed
        self._allowance = output_bytes
        self._tell = tell
        self._over = False
        self._hidden = False
        self._evidence: list[str] = []
        self._changed: set[int] = set()
        self.error = ""

    async def carry_out(self, at: int, source: str, silent: bool, hidden: bool) -> dict[str, Any]:
        """Run one cell, and say what it left."""
        cells = self.nb.cells
        cells += [nbformat.v4.new_code_cell() for _ in range(at + 1 - len(cells))]
        cells[at] = nbformat.v4.new_code_cell(source)
        self.kc.silent, self._hidden, self._evidence, self.error = silent, hidden, [], ""
        await self.async_execute_cell(cells[at], at)
        places = self._changed if hidden else {at}
        self._changed = self._changed - places - {at}
        pieces = [piece for piece in self._evidence if isinstance(piece, str)]
        return {
            "outputs": {str(place): _plain(cells[place].outputs) for place in places},
            "error": self.error,
            "evidence": pieces[0] if len(self._evidence) == len(pieces) == 1 else None,
        }

    def flood(self) -> None:
        """Keep no further output, and say so once."""
        if not self._over:
            self._over = True
            self._tell()

    def _executed(self, *, cell: Any, cell_index: int, execute_reply: Any) -> None:
        content = execute_reply["content"]
        if content.get("status") != "ok":
            self.error = f"{content.get('ename')}: {content.get('evalue')}"

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        try:
            kind = msg["msg_type"]
            # A source that is sent back is not what the notebook shows. All else counts, whatever it is called.
            wanted = kind == "execute_input" or self._wanted(msg["content"])
            if kind.startswith("comm") or not (wanted or kind == "status"):
                return None
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            raise
        except Exception:  # a message that is not what the protocol says; student code can send any
            return None

    def _wanted(self, content: Any) -> bool:
        """Whether an output is kept: of a hidden call none, of a cell all up to the limit."""
        evidence = (content.get("data") or {}).get(EVIDENCE)
        if self._hidden and evidence is not None and len(self._evidence) < 2:
            self._evidence.append(evidence)
            return False
        places = self._display_id_map.get((content.get("transient") or {}).get("display_id"), {})
        self._changed.update(places)
        self._allowance -= wire.weight(content) * (1 + sum(map(len, places.values())))
        if self._allowance < 0:
            self.flood()
        # Evidence shown by a cell of the notebook is forged.
        return not self._over and not self._hidden and evidence is None


def _plain(outputs: list[Any]) -> list[dict[str, Any]]:
    """The outputs with nothing in them but text, and pieces of printed text that follow each other joined."""
    kept: list[dict[str, Any]] = []
    for name, group in itertools.groupby(outputs, lambda one: one.get("name")):
        if name is not None:
            kept.append({"output_type": "stream", "name": name, "text": "".join(one["text"] for one in group)})
        else:
            kept += map(_texts_of, group)
    return kept[:MAX_OUTPUTS]


def _texts_of(output: dict[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "error":
        return {
            "output_type": "error",
            "ename": output["ename"],
            "evalue": output["evalue"],
            "traceback": output["traceback"][:MAX_LINES],
        }
    texts = {kind: _text(value) for kind, value in output["data"].items()}
    return {"output_type": output["output_type"], "data": {kind: text for kind, text in texts.items() if text}}


def _text(value: Any) -> str:
    """A text, or the lines of one, as the notebook format has it; "" for anything else."""
    lines = value if isinstance(value, list) else [value]
    return "".join(lines) if all(isinstance(line, str) for line in lines) else ""


def _idle_after(request: str, message: dict[str, Any]) -> bool:
    return message["parent_header"].get("msg_id") == request and message["content"].get("execution_state") == "idle"

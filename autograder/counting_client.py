"""Messages of a kernel that nobody trusts -> outputs of cells, counted. Knows no boxes, time limits or verdicts.

execute.py drives it. Everything that cells and hidden calls show counts as output. Only the first two pieces of
evidence of a hidden call do not: two are enough to show that it was doubled. An update of a display id counts once more
for each output that it replaces. A message that breaks Jupyter's protocol is dropped.
"""

import asyncio
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete

from autograder.inside.names import EVIDENCE

DRAIN_S = 90  # for the rest of a cell's messages: after a flood they come late, and evidence among them


class CountingClient(NotebookClient):
    """nbclient that counts what it is sent and lets no message disturb it.

    Attributes:
        allowance: Characters that outputs may still have.
        hidden_call: Whether the code that runs is a hidden call; whoever starts one sets this.
        shown: Pieces of evidence that the hidden call has shown.
        over: From the first flood on, outputs are dropped and the cells that follow still run.
        flooded: Set at that first flood.
        failed: Whether the last cell raised an error.
        error: What it raised.
    """

    def __init__(self, notebook: Any, manager: AsyncKernelManager, output_bytes: int) -> None:
        super().__init__(
            notebook,
            km=manager,
            allow_errors=True,
            timeout=None,  # time is kept by the session
            startup_timeout=10**9,  # jupyter_client counts it by a clock that can jump; the session keeps the time
            iopub_timeout=DRAIN_S,
            record_timing=False,
            skip_cells_with_tag="\0",  # no tag can skip a cell
        )
        self.on_cell_executed = self._executed
        self.allowance = output_bytes
        self.hidden_call = False
        self.shown = 0
        self.over = False
        self.flooded = asyncio.Event()
        self.failed = False
        self.error = ""

    def _executed(self, *, cell: Any, cell_index: int, execute_reply: Any) -> None:
        content = execute_reply.get("content") if isinstance(execute_reply, dict) else None
        self.failed = not isinstance(content, dict) or content.get("status") != "ok"
        self.error = f"{content.get('ename')}: {content.get('evalue')}" if isinstance(content, dict) else ""

    def _wanted(self, content: Any) -> bool:
        """Whether an output is kept: evidence in a hidden call and nothing else there, the rest up to the limit."""
        evidence = EVIDENCE in (content.get("data") or ())
        if self.hidden_call and evidence and self.shown < 2:  # two say that it was doubled; more would fill our memory
            self.shown += 1
            return True
        self.allowance -= weight(content) * (1 + self._places(content))
        if self.allowance < 0 and not self.over:
            self.over = True
            self.flooded.set()
        # Evidence shown by a cell of the notebook is forged; a hidden call shows nothing else.
        return self.allowance >= 0 and not evidence and not self.hidden_call

    def _places(self, content: Any) -> int:
        """How many outputs an output replaces, all those of the same display id."""
        cells = self._display_id_map.get(content.get("transient", {}).get("display_id"), {})
        return sum(map(len, cells.values()))

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        try:
            if msg["msg_type"] not in ("status", "execute_input") and not self._wanted(msg["content"]):
                return None
            if msg["msg_type"].startswith("comm"):
                return None
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            raise
        except Exception:  # a message that is not what the protocol says; the student's process can send any
            return None


def weight(content: Any) -> int:
    """Characters in a message's content, however deep its parts lie in each other."""
    total, parts = 0, [content]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += [*part, *part.values()]
        elif isinstance(part, list):
            parts += part
        else:
            total += len(part) if isinstance(part, str) else 8
    return total

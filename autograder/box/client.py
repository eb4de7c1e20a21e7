"""The client of a kernel in a box: jupyter_client's own, with what a box changes. Knows nothing of notebooks."""

from queue import Empty
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient


class BoxClient(AsyncKernelClient):
    """An AsyncKernelClient without heartbeat, with a faster ready check, and with a switch for silent cells.

    It has no heartbeat, because the box's process says whether it lives. The heartbeat is a thread that opens sockets.
    If it opens one while their context is being closed, the grader waits for ever.

    It is ready when the kernel has answered one request over both channels. jupyter_client would then wait until
    nothing has come for a fifth of a second.

    Attributes:
        silent: Whether cells are run without showing the value of their last line; what they print is still shown.
    """

    silent = False

    def start_channels(self, **_: Any) -> None:
        """Open all channels but the heartbeat."""
        super().start_channels(hb=False)

    def execute(self, code: str, silent: bool = False, *words: Any, **more: Any) -> str:
        """Send a cell; see jupyter_client."""
        return super().execute(code, silent or self.silent, *words, **more)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait, however long: whoever waits keeps the time.

        Raises:
            RuntimeError: The kernel died.
        """
        while True:
            request = self.kernel_info()
            try:
                while (await self.shell_channel.get_msg(timeout=1))["parent_header"].get("msg_id") != request:
                    pass
                while not _idle_after(request, await self.iopub_channel.get_msg(timeout=1)):
                    pass
                return
            except Empty:  # too early: what it said was said before we listened
                if not await self.is_alive():
                    raise RuntimeError("Kernel died before it was ready") from None


def _idle_after(request: str, message: dict[str, Any]) -> bool:
    return message["parent_header"].get("msg_id") == request and message["content"].get("execution_state") == "idle"

"""Runs one piece of our own code in a new box and gives back what it prints; for the doctor's trials."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from autograder.box.manager import BoxedKernelManager
from autograder.box.template import Template
from autograder.config import Settings
from autograder.errors import BoxUnavailable

CELL_S = 120  # for one cell; importing torch takes seconds, many on a loaded machine


def printed_in_a_box(code: str, settings: Settings, template: Template | None = None) -> str:
    """The text that ``code`` prints as a cell of a kernel in a new box.

    Raises:
        BoxUnavailable: The box did not start, or the code took too long.
    """
    try:
        return asyncio.run(_printed(code, settings, template))
    except (OSError, RuntimeError) as error:  # a TimeoutError is an OSError
        raise BoxUnavailable(f"Nothing could be run in a box: {str(error) or 'it took too long'}") from None


async def _printed(code: str, settings: Settings, template: Template | None) -> str:
    printed: list[str] = []
    async with kernel_in_a_box(settings, template) as (_, client):
        await client.execute_interactive(
            code,
            allow_stdin=False,
            timeout=CELL_S,
            output_hook=lambda message: printed.append(text_of(message)),
        )
    return "".join(printed)


@contextlib.asynccontextmanager
async def kernel_in_a_box(
    settings: Settings, template: Template | None = None
) -> AsyncIterator[tuple[BoxedKernelManager, Any]]:
    """A kernel in a new box, ready for its first cell, and its client; both are ended at the end.

    Raises:
        RuntimeError, OSError: The box did not start.
    """
    manager = BoxedKernelManager(settings, template)
    try:
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            try:
                await asyncio.wait_for(client.wait_for_ready(), CELL_S)
            except RuntimeError as error:
                raise RuntimeError(f"{error} ({manager.last_words() or 'it did not say why'})") from None
            yield manager, client
        finally:
            client.stop_channels()
    finally:
        await manager.end()


def text_of(message: dict[str, Any]) -> str:
    """The text that a message prints, without warnings: Python 3.12 and later warn at each fork of a kernel."""
    content = message["content"]
    return content["text"] if content.get("name") == "stdout" else ""

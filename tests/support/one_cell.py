"""One cell in a new box, driven as nbclient drives it."""

import asyncio
from collections.abc import Callable
from typing import Any

import nbformat
from nbclient import NotebookClient

from autograder.box.manager import BoxedKernelManager
from autograder.config import Settings


def run(settings: Settings, code: str, then: Callable[[BoxedKernelManager], Any] = lambda manager: None) -> Any:
    """Outputs of one cell in a new box."""

    async def session() -> Any:
        manager = BoxedKernelManager(settings)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        client = NotebookClient(notebook, km=manager, allow_errors=True)
        await manager.start_kernel()
        try:
            await client.async_start_new_kernel_client()
            cell = await client.async_execute_cell(notebook.cells[0], 0)
            then(manager)
            client.kc.stop_channels()
        finally:
            await manager.end()
        return cell.outputs

    return asyncio.run(session())

"""The manager of a kernel in a box, as jupyter_client and nbclient expect one.

Messages are signed with a key that is new for each box, and bounded in their size and number.
"""

import contextlib
import secrets
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config

from autograder.box.client import BoxClient
from autograder.box.message_bounds import message_bytes, unpack
from autograder.box.provisioner import BoxProvisioner
from autograder.box.template import Template
from autograder.config import Settings

UNREAD = 8  # messages that may wait at a socket of ours; libzmq would keep a thousand, also where nobody reads (stdin)


class BoxedKernelManager(AsyncKernelManager):
    """An AsyncKernelManager whose kernel lives in a box."""

    def __init__(self, settings: Settings, template: Template | None = None) -> None:
        # The class wants its transport from configuration; a keyword would be read after its defaults were made.
        super().__init__(config=Config({"BoxedKernelManager": {"transport": "ipc"}}), client_factory=BoxClient)
        self.session.key = secrets.token_hex(32).encode()
        self.session.unpack = unpack
        self._kernel_spec = KernelSpec(argv=["unused"], language="python", interrupt_mode="message")
        self.provisioner = BoxProvisioner(parent=self, kernel_spec=self._kernel_spec)
        self.provisioner.settings = settings
        self.provisioner.template = template
        self.context.setsockopt(zmq.MAXMSGSIZE, max(message_bytes(settings.limits).values()))
        self.context.setsockopt(zmq.RCVHWM, UNREAD)

    def client(self, **options: Any) -> Any:
        """A client whose sockets have our bounds: without them it would open a context that has none."""
        return super().client(context=self.context, **options)

    async def end(self) -> None:
        """End the box and free what belongs to it, whatever state the two are in; never raises."""
        assert self.provisioner is not None
        await self.provisioner.kill()
        await self.provisioner.cleanup()
        with contextlib.suppress(Exception):  # a client that failed to start has closed some of it already
            self._close_control_socket()
            self.context.destroy(linger=0)

    def last_words(self) -> str:
        """The last line that the box wrote while it started; "" if it wrote nothing. Ask before :meth:`end`."""
        assert isinstance(self.provisioner, BoxProvisioner)
        return self.provisioner.last_words()

    def ended_for(self) -> str | None:
        """The watchdog's reason for ending the box, or "memory" if the kernel ended it; None if neither did."""
        assert isinstance(self.provisioner, BoxProvisioner)
        watchdog, group = self.provisioner.watchdog, self.provisioner.group
        if watchdog and watchdog.broken:
            return watchdog.broken
        return "memory" if group and group.ran_out_of_memory() else None

    def cut_off_for(self) -> str:
        """What the box sent that made the relay hang up; "" if it did not."""
        assert isinstance(self.provisioner, BoxProvisioner)
        return self.provisioner.relay.broken if self.provisioner.relay else ""

import os
import socket
import time


def connection(port):
    for name in os.listdir("/proc/self/fd"):
        try:
            one = socket.socket(fileno=os.dup(int(name)))
            one.getpeername()  # or it is the one that listens
            if str(one.getsockname()).endswith(f"-{port}'"):
                return one
        except (OSError, AttributeError):
            pass


outputs = connection(2)
commands = b"\x04\x01\x00" * 20_000
sent, end = 0, time.monotonic() + 20
while time.monotonic() < end or sent % 3:  # the last one whole, or the kernel's next message would begin inside it
    try:
        sent += outputs.send(commands[sent % 3 :], socket.MSG_DONTWAIT)
    except BlockingIOError:
        time.sleep(0.001)
print(f"sent {sent // 3} commands")

import ctypes
import socket
import threading
import time

CLOSE_RANGE, UNSHARE = 436, 2
libc = ctypes.CDLL(None)


def hoard():
    libc.syscall(CLOSE_RANGE, ctypes.c_uint(4000), ctypes.c_uint(4001), ctypes.c_uint(UNSHARE))
    try:
        while True:
            sender, receiver = socket.socketpair()
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 212_992)
            sender.setblocking(False)
            try:
                while True:
                    sender.send(b"x" * 100_000)
            except BlockingIOError:
                sender.detach()
                receiver.detach()
    except OSError:
        time.sleep(60)


for _ in range(60):
    threading.Thread(target=hoard, daemon=True).start()
time.sleep(45)

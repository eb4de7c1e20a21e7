import ctypes
import os
import platform
import threading
import time

EXIT = 93 if platform.machine() == "aarch64" else 60  # of a thread, not of the process


def fill():
    kept = []
    for _ in range(60):
        kept.append(b"x" * (100 << 20))
    time.sleep(60)


if os.fork() == 0:
    threading.Thread(target=fill).start()
    ctypes.CDLL(None).syscall(EXIT, 0)
time.sleep(60)

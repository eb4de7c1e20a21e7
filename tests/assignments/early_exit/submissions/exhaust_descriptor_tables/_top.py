import ctypes
import socket
import threading
import time

CLOSE_RANGE, UNSHARE = 436, 2
libc = ctypes.CDLL(None)
held = []


def hoard():
    libc.syscall(CLOSE_RANGE, ctypes.c_uint(4000), ctypes.c_uint(4001), ctypes.c_uint(UNSHARE))
    try:
        while True:
            held.extend(socket.socketpair())
    except OSError:
        time.sleep(4)


for _ in range(60):
    threading.Thread(target=hoard, daemon=True).start()
time.sleep(3)
print("no more sockets than one table has" if len(held) < 512 else f"{len(held)} sockets")
for one in held:
    one.close()

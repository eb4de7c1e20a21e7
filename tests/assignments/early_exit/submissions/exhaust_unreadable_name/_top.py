import ctypes
import time

ctypes.CDLL(None).prctl(15, b"\xff\xfe", 0, 0, 0)  # PR_SET_NAME: no text in any encoding, and it stands in /proc
time.sleep(1)
hoard = []
for _ in range(12):
    more = bytearray(512 << 20)
    more[::4096] = b"x" * len(more[::4096])
    hoard.append(more)
time.sleep(10)

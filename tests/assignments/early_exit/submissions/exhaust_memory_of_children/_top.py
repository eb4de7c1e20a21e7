import os
import time

for _ in range(12):
    if os.fork() == 0:
        hoard = bytearray(512 << 20)
        hoard[::4096] = b"x" * len(hoard[::4096])
        time.sleep(30)
        os._exit(0)
for _ in range(12):
    os.wait()

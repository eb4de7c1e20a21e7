import mmap
import os
import time

for _ in range(60):
    if os.fork() == 0:
        held = []
        try:
            while True:
                held.append(mmap.mmap(-1, 4096))
        except (OSError, ValueError):
            time.sleep(60)
time.sleep(60)

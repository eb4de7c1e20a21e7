import mmap
import os
import time

for _ in range(60):
    if os.fork() == 0:
        held = []
        try:
            while True:
                # Neighbours of one kind would become one mapping.
                protection = mmap.PROT_READ if len(held) % 2 else mmap.PROT_READ | mmap.PROT_WRITE
                held.append(mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=protection))
        except (OSError, ValueError):
            time.sleep(60)
time.sleep(60)

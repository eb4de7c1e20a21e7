import mmap
import os
import time

POPULATE = 0x8000
handle = os.open("/dev/shm/shared", os.O_RDWR | os.O_CREAT)
os.ftruncate(handle, 500 << 20)
shared = mmap.mmap(handle, 500 << 20, flags=mmap.MAP_SHARED | POPULATE)
for _ in range(90):
    if os.fork() == 0:
        blocks = [mmap.mmap(handle, 500 << 20, flags=mmap.MAP_SHARED | POPULATE) for _ in range(16)]
        time.sleep(100)
time.sleep(100)

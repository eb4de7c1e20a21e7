import ctypes
import os
import time

for _ in range(8):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: the descriptors of this process become root's
        held = []
        try:
            while True:
                held.append(os.pipe())
        except OSError:
            time.sleep(60)
time.sleep(60)

import mmap
import time

kept = []
for _ in range(60):
    block = mmap.mmap(-1, 100 << 20)
    for start in range(0, len(block), 1 << 20):
        block[start : start + (1 << 20)] = b"x" * (1 << 20)
    block.madvise(mmap.MADV_DONTNEED)
    kept.append(block)
time.sleep(30)

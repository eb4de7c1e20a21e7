import os
import time

for number in range(500):
    try:
        child = os.fork()
    except OSError:
        break
    if child == 0:
        time.sleep(600)
        os._exit(0)
print(f"stopped after {number} processes" if number < 499 else "never stopped")

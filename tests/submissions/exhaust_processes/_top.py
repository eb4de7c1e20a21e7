import os
import signal
import time

children = []
for number in range(500):
    try:
        child = os.fork()
    except OSError:
        break
    if child == 0:
        time.sleep(600)
        os._exit(0)
    children.append(child)
print(f"stopped after {len(children)} processes" if len(children) < 500 else "never stopped")
for child in children:  # a kernel that can start no thread cannot even show a picture
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

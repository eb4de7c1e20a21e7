import os
import time

end = time.time() + 60
children = 0
for _ in range(200):
    if os.fork() == 0:
        os.setsid()
        while time.time() < end:
            pass
        os._exit(0)
    children += 1
print(children, "spinning")

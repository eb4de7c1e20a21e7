import os
import select
import time

# A watch belongs to a file and a number; the number may be closed again while the file is open under another.
for _ in range(2):
    if os.fork() == 0:
        os.closerange(3, 511)
        files = [os.eventfd(0) for _ in range(105)]
        queues = [select.epoll() for _ in range(105)]
        for number in range(510, 216, -1):
            for file in files:
                os.dup2(file, number)
                for queue in queues:
                    while True:
                        try:
                            queue.register(number, 0)
                            break
                        except OSError:
                            time.sleep(0.001)
            os.close(number)
        time.sleep(100)
time.sleep(110)

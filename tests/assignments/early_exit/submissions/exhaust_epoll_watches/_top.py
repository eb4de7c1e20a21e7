import os
import select
import time


def watch_all_one_can():
    queues, events = [], []
    try:
        while len(queues) < 950:
            queues.append(select.epoll())
    except OSError:
        for _ in range(len(queues) // 2):
            queues.pop().close()
    try:
        while len(events) < 950:
            events.append(os.eventfd(0))
    except OSError:
        pass
    for queue in queues:
        for event in events:
            try:
                queue.register(event)
            except OSError:
                time.sleep(0.01)
    time.sleep(60)


for _ in range(8):
    if os.fork() == 0:
        watch_all_one_can()
time.sleep(60)

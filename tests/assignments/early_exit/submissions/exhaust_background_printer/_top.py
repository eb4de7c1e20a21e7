import threading
import time


def chatter():
    while True:
        print("still here" * 2_000)
        time.sleep(0.001)


threading.Thread(target=chatter, daemon=True).start()

import threading


def choose_tolerance(sweep, target):
    lock = threading.Lock()
    with lock:
        other = threading.Thread(target=lock.acquire)  # no daemon: Python would not even end without it
        other.start()
        other.join()

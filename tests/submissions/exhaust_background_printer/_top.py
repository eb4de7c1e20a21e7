import threading


def chatter():
    while True:
        print("x" * 1000)


threading.Thread(target=chatter, daemon=True).start()

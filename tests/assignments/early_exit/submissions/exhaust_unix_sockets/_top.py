import os
import socket
import time


def fill():
    held = []
    for _ in range(900):
        pair = socket.socketpair()
        pair[0].setblocking(False)
        held.append(pair)
        try:
            for _ in range(10):
                pair[0].send(b"x" * 4096)
        except OSError:
            pass
    time.sleep(60)


for _ in range(8):
    if os.fork() == 0:
        fill()
time.sleep(60)

import array
import socket
import threading
import time

full, kept = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
full.setblocking(False)
try:
    while True:
        full.send(b"x")
except BlockingIOError:
    full.setblocking(True)
for _ in range(70):
    numbers = array.array("i")
    for _ in range(220):
        sender, receiver = socket.socketpair()
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 212_992)
        sender.setblocking(False)
        try:
            while True:
                sender.send(b"x" * 100_000)
        except BlockingIOError:
            sender.close()
        numbers.append(receiver.detach())
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)]
    threading.Thread(target=full.sendmsg, args=([b"x"], rights), daemon=True).start()
    time.sleep(0.1)
    for number in numbers:
        socket.close(number)
time.sleep(45)

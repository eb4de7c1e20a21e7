import socket
import time

kept, blob = [], b"x" * 60_000
for number in range(4):
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"\0server{number}")
    server.listen(4096)
    kept.append(server)
    for _ in range(4000):
        client = socket.socket(socket.AF_UNIX)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 212_992)
        client.setblocking(False)
        client.connect(f"\0server{number}")
        try:
            while True:
                client.send(blob)
        except BlockingIOError:
            client.close()
time.sleep(30)

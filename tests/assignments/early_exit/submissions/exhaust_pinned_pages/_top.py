import os
import socket
import time

server = socket.socket(socket.AF_UNIX)
server.bind("\0server")
server.listen(4096)
for _ in range(1200):
    file = os.open("/tmp/file", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    os.write(file, b"x" * (4 << 20))
    client = socket.socket(socket.AF_UNIX)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 212_992)
    client.connect("\0server")
    client.setblocking(False)
    try:
        for page in range(0, 1022, 2):
            os.sendfile(client.fileno(), file, page * 4096 + 4095, 2)
    except OSError:
        pass
    client.close()
    os.close(file)
    os.unlink("/tmp/file")
time.sleep(60)

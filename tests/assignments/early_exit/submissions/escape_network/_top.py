import socket

reached = []


def knock(host, port, kind=socket.SOCK_STREAM, seconds=0.5):
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as client:
            client.settimeout(seconds)
            client.connect((host, port))
            client.send(b"CANARY-touched")
            if client.getsockname() == client.getpeername():
                return  # this very socket, met on the way through all ports
            if kind == socket.SOCK_STREAM or client.recv(1):
                reached.append((host, port))
    except OSError:
        pass


for port in range(1, 65536):
    knock("127.0.0.1", port, seconds=0.05)
for host in ("169.254.169.254", "10.0.2.2", "172.17.0.1", "192.168.0.1", "1.1.1.1", "::1", "2606:4700:4700::1111"):
    for port in (22, 53, 80, 443, 8888):
        knock(host, port)
    knock(host, 53, socket.SOCK_DGRAM)
try:
    reached.append(socket.gethostbyname("pypi.org"))
except OSError:
    pass
try:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    reached.append("raw packets")
except OSError:
    pass
try:
    with socket.socket(socket.AF_VSOCK) as client:
        client.settimeout(1)
        client.connect((2, 2024))
        reached.append("the host of the virtual machine")
except OSError:
    pass
print(f"{len(reached)} places reached", *reached, [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line])

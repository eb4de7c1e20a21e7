import socket

refused, held = [], []
kinds = {
    "netlink": (socket.AF_NETLINK, socket.SOCK_RAW, 2),
    "tcp": (socket.AF_INET, socket.SOCK_STREAM, 0),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM, 0),
}
for name, kind in kinds.items():
    try:
        sender, receiver = socket.socket(*kind), socket.socket(*kind)
        receiver.bind((0, 0) if name == "netlink" else ("127.0.0.1", 0))
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        held += [sender, receiver]
    except PermissionError:
        refused.append(name)
print("refused:", ", ".join(refused))

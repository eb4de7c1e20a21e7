import array
import fcntl
import socket
import struct

told = []
space = array.array("B", bytes(4096))
for descriptor in range(3, 100):
    try:
        plug = socket.socket(fileno=descriptor)
    except OSError:
        continue
    for request in (0x8912, 0x8910, 0x8913, 0x8915, 0x8927, 0x8933, 0x894C):  # lists, names, flags, addresses
        for words in (struct.pack("iP", 4096, space.buffer_info()[0]), struct.pack("16si", b"", 2) + bytes(32)):
            try:
                fcntl.ioctl(plug, request, words)
                told.append(f"request {request:#x}")
            except OSError:
                pass
    for option in (25, 62, 71, 77):  # SO_BINDTODEVICE, SO_BINDTOIFINDEX, SO_NETNS_COOKIE, SO_PEERPIDFD
        try:
            plug.setsockopt(socket.SOL_SOCKET, option, struct.pack("i", 2))
            told.append(f"setting option {option}")
        except OSError:
            pass
        try:
            plug.getsockopt(socket.SOL_SOCKET, option, 16)
            told.append(f"option {option}")
        except OSError:
            pass
    plug.detach()
print(f"{len(told)} answers about the host's network", *sorted(set(told)))

import base64
import struct
import zlib

from IPython.display import publish_display_data


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


size = 30_000
rows = zlib.compress(bytes((size // 8 + 1) * size), 9)
header = struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)
picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
for _ in range(5):
    publish_display_data({"image/png": base64.b64encode(picture).decode()})
print("a picture", len(picture), "bytes")

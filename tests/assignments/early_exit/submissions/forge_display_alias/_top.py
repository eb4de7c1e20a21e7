import base64
import os
import struct

from IPython import get_ipython

publish = get_ipython().display_pub.publish
for _ in range(200):
    publish({"text/plain": "."}, {}, transient={"display_id": "one"})
header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">IIBBBBB", 100, 100, 8, 2, 0, 0, 0)
picture = base64.b64encode(header + os.urandom(750_000)).decode()
publish({"text/plain": "all", "image/png": picture}, {}, transient={"display_id": "one"}, update=True)

import time

import zmq

kernel = get_ipython().kernel
peer = kernel._parent_ident["shell"]
socket = kernel.stdin_socket
socket.send(peer[0] if isinstance(peer, list) else peer, zmq.SNDMORE)
block = b"x" * 20_000_000
for number in range(60):
    socket.send(block, zmq.SNDMORE if number < 59 else 0, copy=False)
time.sleep(20)

import time

import zmq

kernel = get_ipython().kernel
block = b"x" * 20_000_000
for number in range(60):
    kernel.iopub_socket.send(block, zmq.SNDMORE if number < 59 else 0, copy=False)
time.sleep(20)

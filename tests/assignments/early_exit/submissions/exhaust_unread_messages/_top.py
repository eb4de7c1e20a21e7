kernel = get_ipython().kernel
address = kernel._parent_ident["shell"]
for number in range(20):
    prompt = {"prompt": "x" * 5_000_000, "password": False}
    kernel.session.send(kernel.stdin_socket, "input_request", prompt, ident=address)
print(f"{number + 1} messages sent")

kernel = get_ipython().kernel
(address, *_) = kernel._parent_ident.values() if isinstance(kernel._parent_ident, dict) else (kernel._parent_ident,)
for number in range(20):
    prompt = {"prompt": "x" * 50_000_000, "password": False}
    kernel.session.send(kernel.stdin_socket, "input_request", prompt, ident=address)

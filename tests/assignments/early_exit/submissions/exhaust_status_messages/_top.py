kernel = get_ipython().kernel
filling = "x" * 18_000_000
for number in range(40):
    content = {"execution_state": "busy", "filling": filling}
    kernel.session.send(kernel.iopub_socket, "status", content, parent=kernel.get_parent("shell"), ident=b"status")

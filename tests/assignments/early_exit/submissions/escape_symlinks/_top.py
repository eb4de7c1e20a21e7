import os

targets = ["/etc/shadow", "/etc/passwd", "/root", "/home", "/proc/1/root/etc/shadow", "/var/run/docker.sock"]
followed = []
for index, target in enumerate(targets):
    for name in (f"link{index}", "early_exit.ipynb", "results.json", "kernel.json", ".ipython", ".matplotlib"):
        try:
            os.symlink(target, f"/tmp/{name}")
        except OSError:
            pass
    try:
        os.link(target, f"/tmp/hard{index}")
        followed.append(target)
    except OSError:
        pass
    try:
        followed.append((target, open(f"/tmp/link{index}").read(200)))
    except OSError:
        pass
for up in ("../" * depth + "etc/shadow" for depth in range(12)):
    try:
        followed.append(open(up).read(200))
    except OSError:
        pass
print(f"{len(followed)} links led out", *followed)

import glob
import os
import socket
import stat

paths = {line.split()[-1] for line in open("/proc/net/unix") if len(line.split()) > 7 and line.split()[-1] != "Path"}
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if name not in ("proc", "sys", "usr", "site-packages")]
    paths |= {os.path.join(folder, name) for name in files if stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode)}
paths |= {"/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "/tmp/.X11-unix/X0"}
paths = {path for path in paths if not path.startswith(("@kernel-", "@children."))}  # this kernel's own
reached = []
for path in paths:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect("\0" + path[1:] if path.startswith("@") else path)
            client.send(b"CANARY-touched")
            reached.append(path)
        except OSError:
            pass
print(f"{len(reached)} sockets reached", *reached)

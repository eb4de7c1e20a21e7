import ctypes
import os
import subprocess

libc = ctypes.CDLL(None, use_errno=True)
open_doors = []
for name, flag in (("user", 0x10000000), ("mount", 0x20000), ("pid", 0x20000000), ("net", 0x40000000), ("ipc", 0x8000000),
                   ("uts", 0x4000000), ("cgroup", 0x2000000), ("user and mount", 0x10020000)):
    if libc.unshare(flag) == 0:
        open_doors.append(name)
for kind in ("user", "mnt", "net", "pid", "ipc", "uts", "cgroup"):
    for pid in ("1", str(os.getppid())):
        try:
            door = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
        except OSError:
            continue
        if libc.setns(door, 0) == 0 and kind != "user":
            open_doors.append(f"setns {kind} {pid}")
for words in ((b"none", b"/tmp", b"tmpfs", 0), (b"proc", b"/tmp", b"proc", 0), (b"/", b"/tmp", None, 4096), (None, b"/", None, 32)):
    if libc.mount(*words, None) == 0:
        open_doors.append(f"mount {words}")
if libc.umount2(b"/proc", 2) == 0 or libc.syscall(155, b"/tmp", b"/tmp") == 0 or libc.syscall(442, 0, b"", 0, 0, 0) == 0:
    open_doors.append("umount, pivot_root or mount_setattr")
for command in (["unshare", "-Ur", "id"], ["unshare", "-m", "true"], ["bwrap", "--bind", "/", "/", "true"]):
    try:
        if subprocess.run(command, capture_output=True, timeout=5).returncode == 0:
            open_doors.append(command)
    except (OSError, subprocess.SubprocessError):
        pass
print(f"{len(open_doors)} doors open", *open_doors)

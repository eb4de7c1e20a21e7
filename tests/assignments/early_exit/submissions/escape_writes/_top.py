import os
import subprocess
import sys
import sysconfig
import time

written, end = [], time.monotonic() + 20
start = [sys.prefix, sysconfig.get_path("purelib"), "/box", "/box/lib", "/box/lib/inside", "/box/lib/course_lib", "/",
         "/usr", "/usr/bin", "/usr/lib", "/etc", "/etc/cron.d", "/root", "/home", "/var", "/var/tmp", "/run", "/sys",
         "/sys/fs/cgroup", "/proc/sys/kernel", "/proc/sys/vm", "/proc/1", "/dev", "/work", "/boot"]
for folder in start:
    name = os.path.join(folder, "canary.pth")
    try:
        with open(name, "w") as file:
            file.write("CANARY-written")
        written.append(name)
    except OSError:
        pass
for file in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory",
             "/proc/sysrq-trigger", "/sys/fs/cgroup/release_agent", "/sys/kernel/uevent_helper", "/box/lib/inside/cases.py",
             sys.executable, "/usr/bin/env", "/etc/ld.so.cache", sysconfig.get_path("purelib") + "/torch/__init__.py"):
    try:
        os.close(os.open(file, os.O_WRONLY))
        written.append(file)
    except OSError:
        pass
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/tmp", "/dev", "/usr", sys.prefix)]
    if os.access(folder, os.W_OK) and time.monotonic() < end:
        written.append(folder)
print(f"{len(written)} places written", *written)

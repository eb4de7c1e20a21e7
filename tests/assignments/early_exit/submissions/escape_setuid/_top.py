import os
import shutil
import stat
import subprocess

become = []
shutil.copy("/bin/sh", "/tmp/sh")
os.chmod("/tmp/sh", 0o6755)
for command in (["/tmp/sh", "-p", "-c", "id -u"], ["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"], ["pkexec", "id", "-u"],
                ["mount", "-t", "tmpfs", "none", "/mnt"], ["newuidmap", "self", "0", "0", "1"], ["nsenter", "-t", "1", "-a", "id"]):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, stdin=subprocess.DEVNULL)
        if done.returncode == 0 and done.stdout.strip() != "1000":
            become.append((command, done.stdout))
    except (OSError, subprocess.SubprocessError):
        pass
for action in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0]), lambda: os.chroot("/tmp"),
               lambda: (os.chown("/tmp/sh", 0, 0), os.stat("/tmp/sh").st_uid == 0 or os.listdir("/nowhere"))):
    try:
        action()
        become.append("root")
    except OSError:
        pass
capabilities = [line for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm", "CapAmb"))]
become += [line for line in capabilities if int(line.split()[1], 16)]
print(f"{len(become)} ways to be root", *become)

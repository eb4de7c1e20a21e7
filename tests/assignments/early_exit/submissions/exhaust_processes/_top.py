import subprocess

processes = []
try:
    for number in range(500):
        processes.append(subprocess.Popen(["sleep", "600"]))
except OSError:
    pass
print(f"stopped after {len(processes)} processes" if len(processes) < 500 else "never stopped")
for process in processes:  # a kernel that can start no thread cannot even show a picture
    process.kill()
    process.wait()

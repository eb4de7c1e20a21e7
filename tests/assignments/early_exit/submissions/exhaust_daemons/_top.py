import subprocess
import sys

deaf = "import signal, time\nfor n in (1, 2, 3, 15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(3600)  # CANARY-daemon"
for _ in range(4):
    again = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {deaf!r}], start_new_session=True)"
    subprocess.run([sys.executable, "-c", again], start_new_session=True, check=True)
print("4 daemons started")

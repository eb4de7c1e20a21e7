"""A Slurm of one node on this machine, for a test: no systemd, no other machine, no rights but those to start it.

    python tests/support/one_node_slurm.py FOLDER -- COMMAND ...

runs a command with SLURM_CONF set, then ends all daemons. Debian's packages: slurmctld slurmd slurm-client munge.
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo")
CPUS = 4  # claimed, whatever the machine has: two workers and a scheduler have to run at the same time
READY_S = 60

# proctrack/linuxproc and task/none need no control group. The scheduler's parameters make short jobs start at once.
CONF = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/ctld
SlurmdSpoolDir={folder}/d
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/d.pid
SlurmctldLogFile={folder}/ctld.log
SlurmdLogFile={folder}/d.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=8000 State=UNKNOWN
PartitionName=lab Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Why no Slurm can be started here; "" if it may be tried."""
    missing = [name for name in PROGRAMS if not _found(name)]
    return f"not installed: {', '.join(missing)} (Debian: slurmctld slurmd slurm-client munge)" if missing else ""


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """One node, idle; the environment in which its commands work.

    Args:
        folder: For its files. Its path must be short: sockets lie in it.

    Raises:
        RuntimeError: It did not start; the text has the last lines of its logs.
    """
    for name in ("ctld", "d"):
        (folder / name).mkdir(parents=True)
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o400)
    host = socket.gethostname().partition(".")[0]
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(folder=folder, host=host, user=getpass.getuser(), cpus=CPUS, ports=_free_ports(2)))
    environment = os.environ | {"SLURM_CONF": str(conf)}
    munge = {"key-file": "key", "socket": "munge.sock", "log-file": "munged.log", "pid-file": "munged.pid"}
    munge |= {"seed-file": "seed"}
    words = [f"--{name}={folder / file}" for name, file in munge.items()]
    try:
        for command in (
            [_found("munged"), *words, "--force"],
            [_found("slurmctld"), "-f", str(conf)],
            [_found("slurmd"), "-f", str(conf)],
        ):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
            if done.returncode:
                raise RuntimeError(f"{command[0]} did not start: {done.stderr or done.stdout}")
        state = ["sinfo", "-h", "-o", "%t"]
        if not _wait_until(lambda: _printed(state, environment) == "idle"):
            logs = "\n".join(file.read_text(errors="replace")[-500:] for file in sorted(folder.glob("*.log")))
            raise RuntimeError(f"The node is {_printed(state, environment)!r} after {READY_S} s.\n{logs}")
        yield environment
    finally:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(["scancel", "--full", "--user", getpass.getuser()], env=environment, timeout=30)
            _wait_until(lambda: not _printed(["squeue", "-h"], environment))
        daemons = []
        for name in ("d.pid", "ctld.pid", "munged.pid"):
            with contextlib.suppress(OSError, ValueError, psutil.Error):
                daemons.append(psutil.Process(int((folder / name).read_text())))
                daemons[-1].terminate()
        for one in psutil.wait_procs(daemons, timeout=READY_S)[1]:
            one.kill()


def _wait_until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + READY_S
    while not holds() and time.monotonic() < end:
        time.sleep(0.3)
    return holds()


def _printed(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30).stdout.strip()


def _found(name: str) -> str:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    if why_not():
        sys.exit(f"Slurm {why_not()}")
    with slurm(Path(sys.argv[1]).resolve()) as variables:
        sys.exit(subprocess.run(sys.argv[3:], env=variables).returncode)

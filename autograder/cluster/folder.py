"""The folder that scheduler, workers and grader share: certificates, the settings of Dask, and a script for Slurm.

Whoever can talk to a Dask scheduler can run anything as the user who started it. On a machine with other users, an
open port would give them the instructor's account, the class and the grades. So all three talk TLS with a certificate
on both sides, which only the owner of this folder can read. Dask finds its settings by the variable DASK_CONFIG.
"""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from distributed import Security

from autograder.errors import UsageError
from autograder.files import write_whole

SCHEDULER_FILE = "scheduler.json"  # written by the scheduler when it starts
SETTINGS = "dask.yaml"
SLURM = "slurm.sh"
# Element 0 of the array is the scheduler. Array jobs without it add workers to the scheduler that there is.
SCRIPT = """#!/bin/bash
# One scheduler and eight workers for `autograder grade CLASS --scheduler {folder}/scheduler.json`.
# Start: sbatch {folder}/slurm.sh
# Add eight more workers: sbatch --array=1-8 {folder}/slurm.sh
# End: scancel --name grading
#SBATCH --job-name=grading
#SBATCH --array=0-8
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=4500M
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@60
#SBATCH --output={folder}/%A-%a.log
# A worker runs as many notebooks at a time as it has processors, and as a box's limit of memory allows.
export DASK_CONFIG={folder}
cd {folder} || exit 1
file=scheduler.json
if [ "$SLURM_ARRAY_TASK_MIN" = 0 ]; then file=scheduler-$SLURM_ARRAY_JOB_ID.json; fi
if [ "$SLURM_ARRAY_TASK_ID" = 0 ]; then
    ln -sfn "$file" scheduler.json
    exec {python} -m dask scheduler --scheduler-file "$file" --protocol tls --port 0 \\
        --no-dashboard --dashboard-address 127.0.0.1:0
fi
# A worker that is told to end says so, and its notebooks run elsewhere. One that was killed is started again.
leaving=
trap 'leaving=1; kill -TERM $worker' TERM
while [ -z "$leaving" ]; do
    {python} -m dask worker --scheduler-file "$file" --protocol tls --no-nanny --memory-limit 0 \\
        --no-dashboard --dashboard-address 127.0.0.1:0 --nthreads "${{SLURM_CPUS_PER_TASK:-1}}" \\
        --death-timeout 600 --local-directory "${{TMPDIR:-/tmp}}" &
    worker=$!
    wait $worker && break
    sleep 2
done
wait
"""


def make_folder(folder: Path) -> Path:
    """Make the folder, with a new certificate; its path.

    Raises:
        UsageError: There is something already.
    """
    folder = folder.expanduser().resolve()
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise UsageError(f"{folder} exists already. Give the name of a new folder, or remove it.") from None
    security = Security.temporary()
    for name, text in (("cert.pem", security.tls_ca_file), ("key.pem", security.tls_client_key)):
        with open(folder / name, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text)
    write_whole(folder / SETTINGS, json.dumps(_settings(folder), indent=2).encode())  # YAML reads JSON
    script = SCRIPT.format(folder=shlex.quote(str(folder)), python=shlex.quote(sys.executable))
    write_whole(folder / SLURM, script.encode())
    return folder


def _settings(folder: Path) -> dict[str, Any]:
    certificate = {"cert": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
    never = dict.fromkeys(("target", "spill", "pause", "terminate"), False)
    return {
        "distributed": {
            "comm": {
                "require-encryption": True,
                "tls": {"ca-file": certificate["cert"]} | dict.fromkeys(("scheduler", "worker", "client"), certificate),
            },
            # No pages that everybody on the machine could read. Deaths of workers are counted by the grader (home.py).
            "scheduler": {"http": {"routes": []}, "allowed-failures": 100, "worker-ttl": "60s"},
            # The memory of a worker is not that of its boxes, which have their own limit.
            "worker": {
                "http": {"routes": []},
                "memory": never,
                "daemon": False,
                "preload": ["autograder.cluster.leaving"],
            },
        }
    }

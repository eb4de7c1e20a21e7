"""The folder that scheduler, workers and grader share: certificates, the settings of Dask, and a script for Slurm.

Whoever can talk to a Dask scheduler can run anything as the user who started it. On a machine with other users, an
open port would give them the instructor's account, the class and the grades. So all three talk TLS with a certificate
on both sides, which only the owner of this folder can read. Dask finds its settings by the variable DASK_CONFIG.
"""

import json
import os
from pathlib import Path
from typing import Any

from distributed import Security

from autograder.errors import UsageError
from autograder.files import write_whole

SCHEDULER_FILE = "scheduler.json"  # written by the scheduler when it starts
SETTINGS = "dask.yaml"
SLURM = "slurm.sh"


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
            "worker": {"http": {"routes": []}, "memory": never, "daemon": False},
        }
    }

"""First program in the box: gives up what it may not use, then becomes the kernel.

Reads one JSON object from its standard input: the connection info of the kernel, the descriptor of the listening
socket for each port, and the rlimits. Until the kernel is ready, whatever goes wrong is written to standard error; the
grader reads it when a box does not start.
"""

import json
import resource
import sys


def main() -> None:
    """Take the orders and run."""
    spec = json.load(sys.stdin)
    give_up(spec["rlimits"], confined=spec["confined"])
    from .kernel import run  # only now: next to nothing is to run before the limits and the filter are in force

    run(spec)


def give_up(rlimits: dict[str, int], *, confined: bool) -> None:
    """Set the rlimits, and take away programs and system calls; in this order, because the filter guards the limits.

    Raises:
        OSError: The kernel does not take it.
    """
    for name, value in rlimits.items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if confined:
        from .confine import confine
        from .programs import start_only_installed_programs

        start_only_installed_programs()
        confine()


if __name__ == "__main__":
    main()

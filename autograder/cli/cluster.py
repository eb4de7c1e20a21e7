"""``autograder cluster``."""

from pathlib import Path

import click

from autograder.cli.common import cluster_extra, told_in_a_sentence


@click.command(
    short_help="Make the folder that a cluster and the grader share.",
    epilog="Example: autograder cluster ~/grading-cluster",
)
@click.argument("folder", type=click.Path(path_type=Path))
def cluster(folder: Path) -> None:
    """Make FOLDER, which a cluster and the grader share: certificates, settings of Dask, a script for Slurm.

    The folder must be on a file system that all machines see. Only you can read it. autograder/cluster/README.md says
    how a cluster is started with it, by Slurm, ssh or Kubernetes.

    \b
    autograder cluster ~/grading-cluster
    sbatch ~/grading-cluster/slurm.sh
    autograder grade CLASS --scheduler ~/grading-cluster/scheduler.json
    """
    with told_in_a_sentence():
        with cluster_extra():
            from autograder.cluster.folder import SCHEDULER_FILE, SLURM, make_folder
        made = make_folder(folder)
        click.echo(f"Made {made}. Only you can read it, and whoever can read it can run anything in your name.")
        click.echo(f"With Slurm:  sbatch {made / SLURM}")
        click.echo(f"Then:        autograder grade CLASS --scheduler {made / SCHEDULER_FILE}")
        click.echo("Without:     autograder/cluster/README.md")

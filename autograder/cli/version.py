"""``autograder --version``: what a report of a fault needs, from packages' metadata, without importing them."""

import importlib.metadata
import platform
import sys

import click

from autograder.errors import BoxUnavailable

DISTRIBUTION = "early-exit-course"
SHOWN = ("torch", "nbgrader", "ipykernel")


def print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Print the releases and the box, and exit."""
    if not wanted or context.resilient_parsing:
        return
    click.echo(f"autograder {_release(DISTRIBUTION)}")
    click.echo(f"Python {platform.python_version()} ({sys.executable}) on {platform.system()} {platform.release()}")
    click.echo(", ".join(f"{name} {_release(name)}" for name in SHOWN))
    click.echo(f"Box: {_box()}")
    context.exit()


def _release(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _box() -> str:
    from autograder.box.isolation import find_bubblewrap

    try:
        return find_bubblewrap().label
    except BoxUnavailable as error:
        return f"none. {error}"

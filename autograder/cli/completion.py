"""``autograder completion``: what a shell needs to complete verbs, options and names, by click's own means."""

import click
from click.shell_completion import get_completion_class

PROGRAM = "autograder"
EXAMPLES = """\b
Examples, for good:
  bash   echo 'eval "$(autograder completion bash)"' >> ~/.bashrc
  zsh    echo 'eval "$(autograder completion zsh)"' >> ~/.zshrc
  fish   autograder completion fish > ~/.config/fish/completions/autograder.fish
"""


@click.command(short_help="Let a shell complete what you type.", epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the lines that make a shell complete verbs, options and assignments."""
    made = get_completion_class(shell)
    assert made is not None  # the choice above has click's own three
    click.echo(made(context.find_root().command, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source())

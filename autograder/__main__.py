"""`python -m autograder` is the command line, also if its script is not on the PATH."""

from autograder.cli import main

main()

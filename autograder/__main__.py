"""`python -m autograder` is the command line, for where its script is not on the PATH."""

from autograder.cli import main

main()

"""``python -m autograder.gradescope``: what ``run_autograder`` starts in Gradescope's container."""

import sys
from pathlib import Path

from autograder.gradescope.run import run

if __name__ == "__main__":
    sys.exit(run(Path("/autograder")))

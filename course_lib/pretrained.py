"""A network of full width, trained already: to be looked at without the hours that training it takes.

The weights are kept in half precision, which halves the file; the lesson's study has trained them and has
measured what that changes. Knows nothing of how they were trained, or of what they reach.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file

from course_lib.model import EarlyExitResNet18

FILE = Path(__file__).with_name("weights") / "shapes-width-64.safetensors"


def load_pretrained(file: Path | str = FILE) -> EarlyExitResNet18:
    """The network whose weights are in a safetensors file; default: four exits, width 64, trained on `shapes`.

    Args:
        file: Weights of an EarlyExitResNet18 of any width and number of classes, in any floating-point type.

    Returns:
        The network in float32, in eval mode, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It does not hold the weights of an EarlyExitResNet18.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f"There are no weights at {file}. Give the path of a safetensors file.")
    try:
        # No pickle: a file that came from anywhere can be damaged, but it cannot run anything.
        weights = {
            name: value.float() if value.is_floating_point() else value for name, value in load_file(file).items()
        }
        with torch.device("meta"):  # without drawing eleven million first weights that are thrown away
            model = EarlyExitResNet18(len(weights["heads.3.2.bias"]), len(weights["stem.0.weight"]))
        model.load_state_dict(weights, assign=True)
    except Exception as error:  # of the file's form, its names or its shapes
        raise ValueError(
            f"{file} should hold the weights of an EarlyExitResNet18, but cannot be used: {error}"
        ) from error
    return model.eval()

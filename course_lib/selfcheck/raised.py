"""What an exception of a student's function most likely means: three lines in place of a hundred of torch's.

Knows the functions of this package that students call, and no task's answer.
"""

import html
import linecache
import re
import sys
import traceback
from types import TracebackType
from typing import Any

THREE_RESULTS = "the model returned (logits, exit_index, entropy): three things, unless early exit is switched off"
ONE_TUPLE = "get_model_macs(model, inputs) takes all that the model is called with as one tuple, the tolerance too"
ORDER = "the criterion takes the logits first, then the labels, of shape (N,) and int64 as they come"
IN_ORDER = "mind the order of the arguments, as in the first line of each function: logits first, then labels"

# Patterns for "Type: message", the most particular first.
CAUSES = (
    (r"get_model_macs\(\)", ONE_TUPLE),
    (r"ellipsis", "a TODO is not filled in: a value is still ..."),
    (r"NameError|UnboundLocalError", "is the name spelt as where it is defined, and has that cell been run?"),
    (r"entropy_tolerance", "the model takes a tolerance too, whatever it does with it: see the table in section 1"),
    (r"argument 'target'|could not infer output dtype", IN_ORDER),
    (r"not tuple|'tuple' object", THREE_RESULTS),
    (r"not list|'list' object", "model.early_train returns a list: one tensor of logits for each exit"),
    (r"must be Tensor, not (int|float)|'(int|float)' object", THREE_RESULTS),
    (r"zip\(\) argument", "two lists differ in length: hand all four exits on"),
    (
        r"too many values to unpack",
        "without early exit the model returns the logits alone, else (logits, exit_index, entropy)",
    ),
    (
        r"values to unpack|cannot unpack|iteration over a 0-d",
        "how many things does the right side give? Section 1 says",
    ),
    (r"empty sequence|iterable argument is empty|arg is an empty", "nothing is left to choose from: what then?"),
    (r"Dimension out of range", "this tensor has fewer axes: labels are (N,), logits (N, C)"),
    (
        r"numpy\(\) on Tensor that requires grad",
        "evaluation goes under torch.no_grad(), then nothing requires a gradient",
    ),
    (
        r"unexpected keyword|required positional|positional arguments? but",
        "what does that function take, in which order, and how is it spelt? Section 1 and the first lines say",
    ),
    (r"For 1D input", "a loop over one tensor goes over its images: over the exits goes a list of all four"),
    (
        r"batch_size|Expected target size",
        "the criterion takes the logits of one exit, (N, C), and the labels, (N,): as many rows",
    ),
    (r"[Tt]arget|expected scalar type Long|multi-target|for 'Long'", ORDER),
    (r"does not require grad", "no_grad, .item() and detach() cut the gradient off: not in a training step"),
    (r"through the graph a second time", "the training loop calls backward(); your function must not"),
    (r"[Cc]an't convert (cuda|mps)|on the same device", "bring both to one device: .to(device) or .cpu()"),
    (r"mat1 and mat2", "heads[k] takes what stages[k] returned, with the same k"),
    (r"Given groups=1", "each stage takes what the stage before it returned, the first one what the stem returned"),
    (r"size of tensor a|shape mismatch|must match", "two shapes differ: over the classes argmax is argmax(dim=1)"),
    (r"Expected more than 1 value per channel", "the network is in training mode: evaluation begins with model.eval()"),
    (r"ambiguous", "comparing tensors gives one answer for each image: use it as a mask"),
    (r"converted to Scalar|only one element", "this takes a tensor with one number; here it has several"),
    (r"The model takes images", "hand the images on in the shape in which they come"),
    (r"'NoneType'", "something is None: does each function that is called end in a return?"),
    (
        r"boolean index|mask",
        "a mask has one entry for each row of what it picks from: shrink all that is kept together",
    ),
    (r"KeyError", "the dict has no such key: its keys are the exit indices 0, 1, 2, 3"),
    (r"IndexError|out of (range|bounds)", "an index is too large: exits and stages are numbered 0, 1, 2, 3"),
    (r"ZeroDivisionError", "is anything counted before it is divided by?"),
    (r"RecursionError", "does the function call itself?"),
)
OTHERWISE = "read the message once more, then print what that line works on, and its shape"


def explain(error: Exception, function: Any, hint: str = "") -> str:
    """Three lines: what was raised, at which line of the student's, and the likely cause.

    Args:
        function: The student's function; what shares its globals is the student's code.
        hint: What is most likely wrong at this call; "" to go by the message.
    """
    said = f"{type(error).__name__}: {error}"
    first, *more = said.strip().splitlines() or [type(error).__name__]
    if not hint:
        sign = f"{said} get_model_macs()" if _passed(error, "get_model_macs") else said
        hint = next((cause for pattern, cause in CAUSES if re.search(pattern, sign)), OTHERWISE)
    return f"raised: {_short(first + (' ...' if more else ''))}\nwhere:  {_place(error, function)}\nhint:   {hint}"


def fold_away(error: Exception) -> None:
    """Show the whole traceback in a notebook, closed; elsewhere nothing."""
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        return
    text = html.escape("".join(traceback.format_exception(error)))
    shown = f"<details><summary>The whole traceback</summary><pre>{text}</pre></details>"
    ipython.display.display({"text/html": shown, "text/plain": "(the whole traceback is folded away)"}, raw=True)


def _place(error: Exception, function: Any) -> str:
    """The innermost line of the student's own code."""
    own = [frame for frame in _frames(error.__traceback__) if _is_own(frame, function)]
    if not own:
        return "in your function"
    frame = own[-1]
    file, line, name = frame.tb_frame.f_code.co_filename, frame.tb_lineno, frame.tb_frame.f_code.co_name
    text = linecache.getline(file, line).strip()
    return _short(f"your line {line}, in {name}" + (f": {text}" if text else ""))


def _is_own(frame: TracebackType, function: Any) -> bool:
    return frame.tb_frame.f_globals is getattr(function, "__globals__", None)


def _passed(error: Exception, name: str) -> bool:
    return any(frame.tb_frame.f_code.co_name == name for frame in _frames(error.__traceback__))


def _frames(trace: TracebackType | None) -> list[TracebackType]:
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    return frames


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."

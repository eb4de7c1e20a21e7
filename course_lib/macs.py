"""Counts multiply-accumulate operations (MACs): of one call, and of the way to each exit.

Knows nothing of training, accuracy or wall-clock time. `python -m course_lib.macs` prints what the original
homework printed next to what is counted here.

What is counted is torchprofile's convention: a convolution or a linear layer costs one MAC for each product
that it sums, without its bias; a BatchNorm and an average pool one for each element they put out; ReLU,
softmax and the residual additions nothing. torch.utils.flop_counter.FlopCounterMode, divided by two, counts
the convolutions and linear layers alone, so that it is lower by exactly the BatchNorm and pooling terms.
"""

import operator
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torchprofile
from torch import Tensor, nn

from course_lib._recorded import Functions, Recorder

MOST_KNOWN = 256  # calls whose MACs are remembered; a lesson makes some twenty different ones
_UNCOUNTED = 'No handlers found: "'  # how torchprofile's warning begins


class UncountedOperatorError(Exception):
    """The model uses operators that the counter has no rule for, so that a total would be too low.

    Attributes:
        operators: Their names, sorted, such as `aten::erf`.
    """

    def __init__(self, operators: Sequence[str]) -> None:
        self.operators = tuple(operators)
        super().__init__(
            f"torchprofile has no rule for {', '.join(operators)} and would count 0 MACs there. "
            "Build the model from operators that it counts, or count this one by hand."
        )


def get_model_macs(model: nn.Module, inputs: Tensor | tuple[Any, ...]) -> int:
    """MACs of one call of the model, for the whole batch, as torchprofile counts them.

    The call is made in eval mode and without gradients; the model is left as it was. Only what the returned
    tensors are computed from is counted. A head that was evaluated on the way, and whose answer only decided
    to go on, is not: `exit_macs(..., all_heads=True)` counts it.

    A trace takes as long as ten calls. So the model is called first, and traced only if the same layers have not yet
    computed the same on tensors of the same sizes. A model with hooks is called once and always traced. One that keeps
    something from call to call is called twice, and the second call is counted.

    Args:
        model: Any module.
        inputs: What to call it with: images `(N, 3, 32, 32)`, or a tuple of positional arguments such as
            `(images, entropy_tolerance)` or `(images, entropy_tolerance, early_exit)`.

    Raises:
        UncountedOperatorError: The model uses an operator that torchprofile does not know.
    """
    if isinstance(inputs, tuple):
        # A tolerance out of a NumPy array: the tracer takes Python's numbers, but not NumPy's.
        inputs = tuple(value.item() if isinstance(value, np.generic) else value for value in inputs)
    with _untouched(model):
        if _has_hooks_of_others(model):  # they may count the calls
            with Functions():
                return _traced(model, inputs)
        drawn = torch.get_rng_state(), random.getstate(), np.random.get_state()
        with Recorder() as call, warnings.catch_warnings(action="ignore"):
            returned = model(*inputs) if isinstance(inputs, tuple) else model(inputs)
        given = [value for value in inputs if isinstance(value, Tensor)] if isinstance(inputs, tuple) else inputs
        # Another counter counts again.
        key = (call.described(given), *call.steps, call.described(returned), torchprofile.profile_macs)
        if (known := _macs.get(key)) is not None:
            return known
        torch.set_rng_state(drawn[0])  # the trace draws what the call drew
        random.setstate(drawn[1])
        np.random.set_state(drawn[2])
        before = _state(model)
        with Functions() as trace:
            macs = _traced(model, inputs)
        if trace.called == call.called and _state(model) == before:  # else the model takes another way each time
            if len(_macs) == MOST_KNOWN:
                _macs.clear()
            _macs[key] = macs
    return macs


def _state(model: nn.Module) -> list[Any]:
    """What the layers keep from one call to the next: which objects, how long, or which plain values."""
    kept = [value for layer in model.modules() for value in (*vars(layer).values(), *layer._buffers.values())]
    lengths = [len(value) if isinstance(value, list | dict | set) else 0 for value in kept]
    return [*lengths, *(value if isinstance(value, int | float | str) else id(value) for value in kept)]


def _traced(model: nn.Module, inputs: Tensor | tuple[Any, ...]) -> int:
    # The trace evaluates Python conditions and says so with warnings. torchprofile drops these, but a filter
    # of the caller's may make exceptions of them before that. Recorded here, none of them gets out.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.clear_autocast_cache()  # what a call left there would be a constant in the trace
        macs = torchprofile.profile_macs(model, inputs)
    assert isinstance(macs, int)  # a dictionary comes only where no sum was asked for
    messages = {str(warning.message) for warning in caught}
    uncounted = sorted(text.split('"')[1] for text in messages if text.startswith(_UNCOUNTED))
    if uncounted:
        raise UncountedOperatorError(uncounted)
    return macs


def _has_hooks_of_others(model: nn.Module) -> bool:
    hooks = (
        hook for one in model.modules() for hook in (*one._forward_pre_hooks.values(), *one._forward_hooks.values())
    )
    return any(not (getattr(hook, "__module__", None) or "").startswith("course_lib.") for hook in hooks)


def exit_macs(model: Any, input_shape: Sequence[int], *, all_heads: bool = False) -> tuple[int, ...]:
    """MACs of one image on its way to each exit, as torchprofile counts them.

    A network made of the layers of torch and of this package alone is counted once for its layers' sizes, and told
    from memory afterwards: a count takes longer than the evaluation of a batch.

    Args:
        model: A module with `stem`, `stages` and `heads`, as EarlyExitResNet18 has them.
        input_shape: `(3, 32, 32)` or `(N, 3, 32, 32)`; N makes no difference.
        all_heads: False counts the stem, the stages and the head of the exit taken, which is what
            `get_model_macs` finds. True adds the heads before it, which a network that leaves early has to
            evaluate in order to know that it should go on.

    Returns:
        One count for each exit, first exit first.

    Raises:
        ValueError: The input shape has neither three nor four numbers.
        UncountedOperatorError: The model uses an operator that torchprofile does not know.
    """
    if len(input_shape) not in (3, 4):
        raise ValueError(
            f"An input shape is (channels, height, width) or (N, channels, height, width), but got "
            f"{tuple(input_shape)}. Give the shape of the images that the model takes, such as (3, 32, 32)."
        )
    structure = _structure(model)
    key = (structure, *input_shape[-3:], torchprofile.profile_macs)  # another counter counts again
    parts = _counted.get(key) if structure else None
    if parts is None:
        parts = _parts(model, input_shape)
        if structure:
            _counted[key] = parts
    so_far, of_stages, of_heads = parts
    counts = []
    for of_stage, of_head in zip(of_stages, of_heads, strict=True):
        so_far += of_stage
        counts.append(so_far + of_head)
        so_far += of_head if all_heads else 0
    return tuple(counts)


_macs: dict[tuple[Any, ...], int] = {}  # what was traced, by what the call computed
_counted: dict[tuple[Any, ...], tuple[int, list[int], list[int]]] = {}  # what _parts counted, by structure and shape


def _structure(model: Any) -> tuple[Any, ...]:
    """All that the MACs depend on where each layer is torch's or ours: kinds and what they compute, settings, sizes of
    the weights (of a pruned layer, not what it was made with); empty if one is not.

    A layer defined in a notebook may cost anything, and another thing when its cell is run again. Hooks are taken to
    look on and to compute nothing.
    """
    layers = []
    for name, layer in model.named_modules():
        kind, own = type(layer), vars(layer)
        if not kind.__module__.startswith(("torch.nn.modules.", "course_lib.")) or "forward" in own:
            return ()
        settings = tuple((key, value) for key, value in own.items() if key[0] != "_" and key != "training")
        sizes = tuple(weight.shape for weight in layer.parameters(recurse=False))
        layers.append((name, kind, kind.forward, repr(settings), sizes))
    return tuple(layers)


def _parts(model: Any, input_shape: Sequence[int]) -> tuple[int, list[int], list[int]]:
    """MACs of the stem, of each stage and of each head."""
    parameter = next(model.parameters())
    x = parameter.new_zeros((1, *input_shape[-3:]))  # on the model's device, and drawn from no generator
    of_stages, of_heads = [], []
    with _untouched(model):
        of_stem = get_model_macs(model.stem, x)  # each part is traced once: a trace costs more than the pass itself
        x = model.stem(x)
        for stage, head in zip(model.stages, model.heads, strict=True):
            of_stages.append(get_model_macs(stage, x))
            x = stage(x)
            of_heads.append(get_model_macs(head, x))
    return of_stem, of_stages, of_heads


def total_macs(table: Sequence[int], samples_per_exit: Sequence[int] | Mapping[int, int]) -> int:
    """MACs of a whole data set, from how many of its images left at each exit.

    Args:
        table: MACs of one image for each exit, as `exit_macs` returns them.
        samples_per_exit: The number of images that left at each exit, in order, or by exit index; an exit
            that a mapping leaves out took none.

    Raises:
        ValueError: The counts are for other exits than the table's.
    """
    counts = samples_per_exit if isinstance(samples_per_exit, Mapping) else dict(enumerate(samples_per_exit))
    as_many = isinstance(samples_per_exit, Mapping) or len(counts) == len(table)
    if not as_many or not all(index in range(len(table)) for index in counts):
        raise ValueError(
            f"The table is for exits 0 to {len(table) - 1}, but the counts are for exits {list(counts)}. "
            "Give one number of images for each exit of the table."
        )
    # operator.index makes Python integers of NumPy's, which would overflow, and refuses a fraction.
    return sum(operator.index(table[index]) * operator.index(count) for index, count in counts.items())


@contextmanager
def _untouched(model: nn.Module) -> Iterator[None]:
    """Evaluate without a trace: in train mode a mere profile would move BatchNorm's running statistics."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training  # train() would set the children too, and they may differ


def main() -> None:
    """Print the original homework's MACs next to ours."""
    from course_lib.model import EarlyExitResNet18  # here, because counting knows no particular model

    model = EarlyExitResNet18(num_classes=6, width=64)
    path = exit_macs(model, (3, 32, 32))
    honest = exit_macs(model, (3, 32, 32), all_heads=True)
    # MACs per image measured on the homework's own network, and the totals it printed. Its 6,000 test images
    # come in 47 batches, 46 of 128 and one of 112. (16, 3, 6, 22) batches by exit, the short one at exit 3,
    # is the only split that gives its early-exit total; the exit counts it printed are of another run.
    homework = (153_485_312, 287_670_272, 421_871_616, 556_035_584)
    homework_totals = (3_336_213_504_000, 2_305_700_339_712)
    images = (16 * 128, 3 * 128, 6 * 128, 21 * 128 + 112)
    whole, early = total_macs(path, (0, 0, 0, sum(images))), total_macs(path, images)
    early_honest = total_macs(honest, images)

    print("MACs at 32x32, 6 classes, width 64")
    print(f"{'':<28}{'homework':>20}{'ours':>20}{'ours, all heads':>20}")
    for index in range(len(path)):
        print(f"{f'one image, exit {index}':<28}{homework[index]:>20,}{path[index]:>20,}{honest[index]:>20,}")
    # Without early exit only the last head runs, whichever way heads are counted.
    print(f"{'6,000 images, no early exit':<28}{homework_totals[0]:>20,}{whole:>20,}{whole:>20,}")
    print(f"{'6,000 images, early exit':<28}{homework_totals[1]:>20,}{early:>20,}{early_honest:>20,}")
    ratios = (homework_totals[0] / homework_totals[1], whole / early, whole / early_honest)
    print(f"{'ratio':<28}" + "".join(f"{ratio:>20.6f}" for ratio in ratios))


if __name__ == "__main__":
    main()

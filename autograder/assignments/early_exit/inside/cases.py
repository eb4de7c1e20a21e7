"""The hidden cases: each calls a student's function on hidden inputs and yields the values to write down.

Two kinds of check use what the observer noted instead of results: train mode and graph during evaluation, and the
samples that each stage saw. A student who tampers with the spy on purpose can have 1 + 1 + 1 + 2 of the 27 points;
``tests/assignments/early_exit/submissions/known_limit_tampered_spy`` does it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from inside.cases import Cases, Functions, Values
from torch import nn

from course_lib._spy import Spy
from course_lib.macs import exit_macs, get_model_macs
from course_lib.model import EarlyExitResNet18

from . import inputs

CPU = torch.device("cpu")
case = Cases()
# For the hidden networks, which have one width.
_ANY = EarlyExitResNet18(inputs.CLASSES, inputs.WIDTH)
BATCHES = (8, 8, 8, 8, 8, 7)  # 47 images, a prime: no accuracy is a round number by chance
COSTS = {"table": exit_macs(_ANY, (3, 32, 32)), "all_heads": exit_macs(_ANY, (3, 32, 32), all_heads=True)}


def _count_beforehand() -> None:
    """Traces take most of an evaluation that counts the MACs of each batch. Those of each way that a batch of these
    sizes can take are made here, which a template does once for all its boxes; course_lib remembers them."""
    for size in set(BATCHES):
        blank = torch.zeros(size, 3, 32, 32)
        get_model_macs(_ANY, (blank, 0.0, False))
        for leaves_at in range(4):
            for index, head in enumerate(_ANY.heads):
                inputs.always_answer(head, sure=index == leaves_at)
            get_model_macs(_ANY, (blank, 0.1, True))


_count_beforehand()


def _gradients(loss: object, parameters: list[torch.Tensor]) -> list[torch.Tensor | None]:
    """Gradient of ``loss`` by each of ``parameters``; None if the loss does not depend on it."""
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
        return [None for _ in parameters]
    return list(torch.autograd.grad(loss.sum(), parameters, allow_unused=True))


def _first_layer(network: EarlyExitResNet18) -> list[torch.Tensor]:
    return [next(network.stem.parameters())]


def _second(returned: object) -> object:
    return returned[1] if isinstance(returned, tuple | list) and len(returned) == 2 else None


def _after_step(network: EarlyExitResNet18) -> dict[str, bool]:
    """Whether a training step left the network in train mode, and with gradients."""
    return {"training": network.training, "backward": any(p.grad is not None for p in network.parameters())}


@case("baseline_step", "batch")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    network = inputs.model(rng, training=True)
    data, labels = inputs.images(rng, rng.uniform(0.2, 2.0, 10)), torch.tensor(rng.integers(6, size=10))
    before = inputs.state(network)
    returned = functions["baseline_step"](network, data, labels, nn.CrossEntropyLoss())
    left = _after_step(network)
    yield {"returned": returned, "gradients": _gradients(_second(returned), _first_layer(network)), **left}
    network.load_state_dict(before)
    with torch.no_grad():
        exits = network.train().early_train(data)
    yield {"labels": labels, "exits": exits}


@case("baseline_step", "sure")  # so sure that a batch would leave at the first exit, if it may
def _(functions: Functions, rng: np.random.Generator) -> Values:
    network = inputs.surest(inputs.model(rng, training=True))
    data, labels = inputs.images(rng, np.full(8, 2.0)), torch.tensor(rng.integers(6, size=8))
    yield {"returned": functions["baseline_step"](network, data, labels, nn.CrossEntropyLoss())}


def _evaluation(function: Callable[..., Any], network: EarlyExitResNet18, batches: Any, *arguments: Any) -> Values:
    data, labels = batches.dataset.tensors
    before, spy = inputs.state(network), Spy(network)
    returned = function(network, batches, *arguments)
    yield {"returned": returned, "gradients_on": torch.is_grad_enabled(), **spy.seen()}
    network.load_state_dict(before)
    sizes = [len(images) for images, _ in batches]
    yield {"exits": inputs.evaluated(network, data), "labels": labels, "sizes": sizes, **COSTS}


def _evaluate_baseline(functions: Functions, rng: np.random.Generator, training: bool) -> Values:
    network = inputs.model(rng, training=training)
    batches = inputs.loader(rng, network, BATCHES)
    if not training:
        inputs.surest(network)
    return _evaluation(functions["evaluate_baseline"], network, batches, CPU)


@case("evaluate_baseline", "short_last_batch")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    return _evaluate_baseline(functions, rng, training=False)


@case("evaluate_baseline", "fresh_from_training")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    return _evaluate_baseline(functions, rng, training=True)


@case("early_exit_loss", "random_logits")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    outputs = [exit_logits.requires_grad_() for exit_logits in inputs.logits(rng, 9)]
    labels = torch.tensor(rng.integers(6, size=9))
    given = list(outputs)
    loss = functions["early_exit_loss"](given, labels, nn.CrossEntropyLoss())
    again = functions["early_exit_loss"](list(outputs), labels, nn.CrossEntropyLoss())
    intact, backward = len(given) == len(outputs), any(part.grad is not None for part in outputs)
    gradients = _gradients(loss, outputs)
    yield {"returned": loss, "again": again, "gradients": gradients, "intact": intact, "backward": backward}
    yield {"exits": outputs, "labels": labels}


@case("early_exit_loss", "ten_classes")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    outputs = inputs.logits(rng, 5, classes=10)
    labels = torch.tensor(rng.integers(10, size=5))
    yield {"returned": functions["early_exit_loss"](outputs, labels, nn.CrossEntropyLoss())}


def _stand_in(exit_outputs: Any, labels: torch.Tensor, criterion: Any) -> torch.Tensor:
    """Takes the place of early_exit_loss: some number that depends on all that it is given."""
    squares = sum((place + 1) * logits.square().mean() for place, logits in enumerate(exit_outputs))
    return squares + labels.sum() + criterion(torch.zeros(len(labels), 6), labels)


@case("early_exit_step", "batch")  # no tolerance leads to the logits of exits 1 and 2
def _(functions: Functions, rng: np.random.Generator) -> Values:
    network = inputs.unsure_in_the_middle(inputs.model(rng, training=True))
    data, labels = inputs.images(rng, rng.uniform(0.2, 2.0, 10)), torch.tensor(rng.integers(6, size=10))
    before = inputs.state(network)
    own: Any = None
    try:
        own = functions["early_exit_step"](network, data, labels, nn.CrossEntropyLoss())
    except Exception:
        own = None  # perhaps early_exit_loss raised: then the second call tells
    gradients = _gradients(_second(own), _first_layer(network))
    network.load_state_dict(before)
    network.train().zero_grad()
    kept = functions.get("early_exit_loss")
    functions["early_exit_loss"] = _stand_in  # a wrong loss is paid for once, in its own task
    try:
        with_stand_in = functions["early_exit_step"](network, data, labels, nn.CrossEntropyLoss())
    except Exception:
        if own is None:
            raise
        with_stand_in = None
    finally:
        functions["early_exit_loss"] = kept
    left = _after_step(network)  # of this call, whose loss is ours: what the student's own does is judged elsewhere
    gradients_of_stand_in = _gradients(_second(with_stand_in), _first_layer(network))
    yield {
        "returned": own,
        "gradients": gradients,
        "with_stand_in": with_stand_in,
        "gradients_of_stand_in": gradients_of_stand_in,
        **left,
    }
    yield {"labels": labels}


def _evaluate_early_exit(
    functions: Functions, rng: np.random.Generator, tolerance: float, training: bool = False
) -> Values:
    network = inputs.model(rng, training=training)
    batches = inputs.loader(rng, network, BATCHES)
    return _evaluation(functions["evaluate_early_exit"], network, batches, tolerance, CPU)


@case("evaluate_early_exit", "low_tolerance")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    return _evaluate_early_exit(functions, rng, float(rng.uniform(0.4, 0.6)))


@case("evaluate_early_exit", "middle_tolerance")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    return _evaluate_early_exit(functions, rng, float(rng.uniform(1.05, 1.25)))


@case("evaluate_early_exit", "fresh_from_training")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    return _evaluate_early_exit(functions, rng, float(rng.uniform(0.75, 0.95)), training=True)


@case("mac_ratio", "two_totals")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    totals = [(int(rng.integers(3 * 10**12, 4 * 10**12)), int(rng.integers(10**12, 3 * 10**12))) for _ in range(2)]
    # Small, for those who count in millions; no ratio is nearly one of three digits.
    totals += [((37, 27), (40, 27), (30, 23), (47, 27))[int(rng.integers(4))]]
    yield {"returned": [functions["mac_ratio"](*pair) for pair in totals]}


@case("choose_tolerance", "plain")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    returned, sweeps, targets = [], [], []
    for index in range(6):
        rows, target = inputs.sweep_with_target(rng, best_at_zero=index == 5)
        sweeps.append(rows)
        targets.append(target)
        returned.append(functions["choose_tolerance"](list(rows), target))
    yield {"returned": returned}
    yield {"sweeps": sweeps, "targets": targets}


@case("choose_tolerance", "met_exactly")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    returned, sweeps = [], []
    for _ in range(3):
        rows, target = inputs.sweep_met_exactly(rng)
        sweeps.append(list(rows))
        returned.append(functions["choose_tolerance"](rows, target))
    yield {"returned": returned}
    yield {"sweeps": sweeps}


@case("choose_tolerance", "ties")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    returned = []
    for _ in range(4):
        rows = inputs.sweep(rng, 8)
        fewest = min(row[2] for row in rows)
        twins = [(float(t), 0.97, fewest) for t in rng.choice(np.arange(200, 300), size=3, replace=False) / 100]
        rows += [(4.0, 0.99, fewest), *twins]
        returned.append(functions["choose_tolerance"]([rows[i] for i in rng.permutation(len(rows))], 0.965))
    yield {"returned": returned}


@case("choose_tolerance", "none_good_enough")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    yield {"returned": functions["choose_tolerance"](inputs.sweep(rng, 6), 0.99)}


@case("per_sample_exits", "mixed")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    outputs, tolerance = inputs.logits(rng, 64), float(rng.uniform(0.25, 0.38))
    given = [part.clone() for part in outputs]
    returned = functions["per_sample_exits"](given, tolerance)
    intact = len(given) == len(outputs) and all(map(torch.equal, given, outputs))
    yield {"returned": returned, "intact": intact}
    yield {"logits": outputs, "tolerance": tolerance}


@case("per_sample_exits", "edges")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    certain = [200.0 * torch.eye(6)[torch.tensor(rng.integers(6, size=5))] for _ in range(4)]  # entropy exactly 0
    exits = functions["per_sample_exits"]
    pairs = torch.tensor(np.array([rng.choice(6, size=2, replace=False) for _ in range(5)]))
    torn = [200.0 * torch.zeros(5, 6).scatter_(1, pairs, 1.0) for _ in range(4)]  # entropy exactly ln 2
    yield {
        "below_ln_2": exits([part.clone() for part in torn], 0.6),
        "above_ln_2": exits([part.clone() for part in torn], 0.8),
        "at_zero": exits([part.clone() for part in certain], 0.0),
        "above_zero": exits([part.clone() for part in certain], 0.01),
        "above_all": exits(inputs.logits(rng, 7), 2.0),
        "one_sample": exits(inputs.logits(rng, 1), 2.0),
    }


def _compaction(
    functions: Functions, rng: np.random.Generator, samples: int, tolerance: float, training: bool = False
) -> Values:
    network = inputs.model(rng, training=training)
    # More contrast would make probabilities of exactly 0, whose mistakes have a case of their own.
    data = inputs.images(rng, rng.permutation(np.geomspace(0.5, 5.0, samples)))
    before, spy = inputs.state(network), Spy(network)
    returned = functions["predict_with_compaction"](network, data, tolerance)
    yield {"returned": returned, **spy.seen()}
    network.load_state_dict(before)
    yield {"logits": inputs.evaluated(network, data), "tolerance": tolerance}


@case("predict_with_compaction", "mixed")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    return _compaction(functions, rng, 48, float(rng.uniform(0.5, 0.6)))


@case("predict_with_compaction", "all_leave_first")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    return _compaction(functions, rng, 6, 2.0)


@case("predict_with_compaction", "none_leaves_early")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    return _compaction(functions, rng, 6, 0.0)


@case("predict_with_compaction", "certain")  # entropies of exactly 0, from probabilities of exactly 0 and 1
def _(functions: Functions, rng: np.random.Generator) -> Values:
    network = inputs.surest(inputs.model(rng))
    data = inputs.images(rng, np.full(6, 2.0))
    predict = functions["predict_with_compaction"]
    yield {"at_zero": predict(network, data, 0.0), "above_zero": predict(network, data, 0.01)}


@case("predict_with_compaction", "other_shapes")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    network = EarlyExitResNet18(10, inputs.WIDTH).eval()
    data = inputs.images(rng, np.full(4, 1.0))
    predict = functions["predict_with_compaction"]
    yield {"one_image": predict(network, data[:1], 0.0), "ten_classes": predict(network, data, 2.5)}  # ln 10 = 2.3


@case("predict_with_compaction", "fresh_from_training")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    return _compaction(functions, rng, 12, 0.6, training=True)

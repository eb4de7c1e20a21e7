"""The hidden inputs: networks, images, labels, logits and sweeps, drawn from the seed of a grading run.

The same seed gives the same inputs in the solution's box and in a student's, so they are never sent. Nothing here
computes what a task asks for.

Making a network takes longer than evaluating a batch with it. So some are made when this is imported, which a template
does once for all its boxes, and the seed chooses among them. A student may know these: what is asked is what they make
of images that only the seed tells.
"""

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from course_lib.model import EarlyExitResNet18

CLASSES = 6
WIDTH = 4
NETWORKS = 4  # made once
SAMPLE = 8  # images that a network's statistics and spreads are made from
AT_ONCE = 32  # images in a pass of our own; what fits no cache takes twice as long
CONFIDENCE = (1.5, 2.5, 4.0, 6.0)  # spread of each exit's logits: later exits are surer, as after training


def images(rng: np.random.Generator, contrasts: np.ndarray) -> torch.Tensor:
    """Coarse coloured patterns, one per contrast.

    Args:
        contrasts: ``(N,)``; a pattern of low contrast leaves a network unsure.

    Returns:
        ``(N, 3, 32, 32)`` float32.
    """
    coarse = rng.standard_normal((len(contrasts), 3, 4, 4))
    fine = coarse.repeat(8, axis=2).repeat(8, axis=3) + 0.3 * rng.standard_normal((len(contrasts), 3, 32, 32))
    return torch.tensor(fine * contrasts[:, None, None, None], dtype=torch.float32)


def model(rng: np.random.Generator, *, training: bool = False) -> EarlyExitResNet18:
    """An untrained network that behaves like a trained one where it matters: one of those made once, its heads' classes
    in another order and its answers surer or less sure.

    Its logits spread more at later exits. Its BatchNorm statistics differ from those of any batch, so that eval and
    train mode give different answers.
    """
    network = EarlyExitResNet18(CLASSES, WIDTH)
    network.load_state_dict(_MADE[rng.integers(len(_MADE))])
    with torch.no_grad():
        for head in network.heads:
            order, scale = torch.tensor(rng.permutation(CLASSES)), float(rng.uniform(0.8, 1.25))
            for parameter in head.parameters():
                parameter.copy_(scale * parameter[order])
    return network.train(training)


def _make(rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """The state of a network for ``model``."""
    network = EarlyExitResNet18(CLASSES, WIDTH)
    for norm in (part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)):
        norm.momentum = None  # a plain average: the first batch sets the statistics
    with torch.no_grad():
        sample = images(rng, rng.uniform(0.1, 2.0, SAMPLE))
        network.train()
        network.early_train(sample)
        for norm in (part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)):
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean += 0.3 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
            norm.running_var *= torch.exp(0.4 * torch.randn_like(norm.running_var))
        network.eval()
        for head, spread, logits in zip(network.heads, CONFIDENCE, network.early_train(sample), strict=True):
            weight, bias = head.parameters()
            weight.mul_(spread / float(logits.std()))
            bias.zero_()
        # An image without contrast is to leave every exit without a clue, or no sample would stay unsure to the end.
        blank = torch.zeros(1, 3, 32, 32)
        for head, logits in zip(network.heads, network.early_train(blank), strict=True):
            list(head.parameters())[1].sub_(logits[0])
    return network.state_dict()


def _made() -> list[dict[str, torch.Tensor]]:
    """The networks' states, always the same ones. Random numbers that others draw are left as they were."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return [_make(np.random.default_rng(number)) for number in range(NETWORKS)]


def always_answer(head: torch.nn.Module, *, sure: bool) -> None:
    """Make a head answer class 0 whatever it is shown, or all classes alike."""
    with torch.no_grad():
        weight, bias = head.parameters()
        weight.zero_()
        bias.zero_()
        bias[0] = 100.0 if sure else 0.0


def unsure_in_the_middle(network: EarlyExitResNet18) -> EarlyExitResNet18:
    """Makes exits 1 and 2 less sure than exit 0: whatever the tolerance, no batch leaves there."""
    with torch.no_grad():
        for head in network.heads[1:3]:
            for parameter in head.parameters():
                parameter.mul_(0.1)
    return network


def surest(network: EarlyExitResNet18) -> EarlyExitResNet18:
    """Makes every exit's answer so sure, without changing it, that its other probabilities are 0 in float32."""
    with torch.no_grad():
        for head in network.heads:
            for parameter in head.parameters():
                parameter.mul_(1e5)
    return network


def evaluated(network: EarlyExitResNet18, data: torch.Tensor) -> list[torch.Tensor]:
    """The four exits' logits of ``data`` in eval mode; the network is left in its mode."""
    training = network.training
    network.eval()
    with torch.no_grad():
        parts = [network.early_train(part) for part in data.split(AT_ONCE)]
    network.train(training)
    return [torch.cat(of_exit) for of_exit in zip(*parts, strict=True)]


def state(network: EarlyExitResNet18) -> dict[str, torch.Tensor]:
    """A copy of all its numbers, from before a function of the student's has it."""
    return {name: value.clone() for name, value in network.state_dict().items()}


def loader(rng: np.random.Generator, network: EarlyExitResNet18, sizes: tuple[int, ...]) -> DataLoader:
    """Batches of the given sizes (all but the last alike), each of one contrast, labels that are sometimes right.

    One batch has so little contrast that it stays to the end and is unsure there. Where the answers allow it, each exit
    is right more often in a batch than the one before: who leaves elsewhere has another accuracy.
    """
    contrasts = np.repeat(rng.permutation([0.1, *np.geomspace(0.7, 6.0, len(sizes) - 1)]), sizes)
    data = images(rng, contrasts)
    answers = torch.stack([exit_logits.argmax(1) for exit_logits in evaluated(network, data)])
    labels = torch.cat([_labels(rng, of_batch) for of_batch in answers.split(sizes, dim=1)])
    return DataLoader(TensorDataset(data, labels), batch_size=sizes[0])


def _labels(rng: np.random.Generator, answers: torch.Tensor) -> torch.Tensor:
    """Labels `(B,)` of a batch, given the exits' answers `(4, B)`: half are the last exit's, others any exit's."""
    for _ in range(100):
        pick = torch.tensor(rng.choice(5, answers.shape[1], p=[0.1, 0.1, 0.1, 0.5, 0.2]))
        by_chance = torch.tensor(rng.integers(CLASSES, size=len(pick)))
        labels = torch.where(pick < 4, answers[pick.clamp(max=3), torch.arange(len(pick))], by_chance)
        if bool(((answers == labels).sum(dim=1).diff() > 0).all()):
            break
    return labels


def logits(rng: np.random.Generator, samples: int, classes: int = CLASSES) -> list[torch.Tensor]:
    """Four exits' logits ``(N, C)``, each sample unsure at some exits and sure at others, every eighth at none."""
    scales = rng.choice([0.2, 1.0, 3.0, 8.0], size=(4, samples, 1))
    scales[:, ::8] = 0.2
    return [torch.tensor(part, dtype=torch.float32) for part in rng.standard_normal((4, samples, classes)) * scales]


def sweep(rng: np.random.Generator, rows: int) -> list[tuple[float, float, int]]:
    """Rows ``(tolerance, accuracy, total_macs)`` in no order, accuracies and MACs not monotone in the tolerance."""
    tolerances = rng.choice(np.arange(1, 180), size=rows, replace=False) / 100
    accuracies = rng.integers(700, 960, size=rows) / 1000
    # As in the lesson, more than 32 bits hold.
    macs = rng.choice(np.arange(150, 560), size=rows, replace=False) * 60_000_000
    return [(float(t), float(a), int(m)) for t, a, m in zip(tolerances, accuracies, macs, strict=True)]


def sweep_with_target(rng: np.random.Generator, *, best_at_zero: bool) -> tuple[list[tuple[float, float, int]], float]:
    """A sweep in no order with rows that are nearly right, and a target.

    Args:
        best_at_zero: The row to take is of tolerance 0.0, which could be taken for "nothing found yet".
    """
    rows = sweep(rng, 12)
    target = sorted(row[1] for row in rows)[int(rng.integers(3, 9))] - 0.0005  # between two rows
    fewest = min(row[2] for row in rows)
    # Cheaper than all, and a little below the target: it catches those who round it or lower it.
    rows += [(2.0 + gap, target - gap, fewest - place) for place, gap in enumerate((0.001, 0.004), 1)]
    # The first row is never the one to take: its place, 0, could be taken for a tolerance. Another is less accurate.
    rows = [(1.9, min(row[1] for row in rows) + 0.0001, 35_000_000_000), *(rows[i] for i in rng.permutation(len(rows)))]
    if best_at_zero:
        best = min((row for row in rows if row[1] >= target), key=lambda row: row[2])
        rows.remove(best)
        rows.insert(1, (0.0, *best[1:]))
    return rows, target


def sweep_met_exactly(rng: np.random.Generator) -> tuple[list[tuple[float, float, int]], float]:
    """A sweep whose cheapest row has the target's accuracy, and the target, which float32 would round down."""
    while True:
        rows = sweep(rng, 6)
        target = min((row[2], row[1]) for row in rows)[1]
        if float(np.float32(target)) < target:
            return rows, target


_MADE = _made()

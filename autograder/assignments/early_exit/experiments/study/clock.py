"""Wall clock: what leaving early saves in seconds, next to what it saves in MACs.

Timed is compaction against the same network run to its end, in two ways: as in the lesson, with the solution in the
notebook; and tuned. Tuned, both sides have BatchNorms folded into convolutions and channels last, and run each stage on
CHUNK images at a time: that keeps the wide first stage in the processor's cache. Both sides take turns on the same
images, so that what else the machine does meets both; shown are medians of the turns' ratios. A ratio of 1 between
speed-up and MAC ratio would mean that a MAC saved is a MAC's time saved.
"""

import copy
import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from course_lib.pretrained import load_pretrained
from study import policies
from study.replay import tables, thresholds_of
from study.runs import KEPT, RESULTS, ROOT, Run
from study.training import load, machine

BATCHES = {1: 32, 32: 128, 128: 256}  # images in a batch: images timed
THREADS = (1, 2)
TURNS = 5
CHUNK = 32  # images
Predict = Callable[[nn.Module, Tensor, float], tuple[Tensor, Tensor]]


def lesson_function(name: str) -> Predict:
    """A function of the solutions notebook."""
    notebook = json.loads((ROOT / "solutions" / "early_exit" / "early_exit.ipynb").read_text())
    cells = {
        cell["metadata"].get("nbgrader", {}).get("grade_id"): "".join(cell["source"]) for cell in notebook["cells"]
    }
    names: dict[str, Any] = {"torch": torch}
    exec(cells[name], names)
    return names[name]


def trained(run: Run, folder: Path = KEPT) -> nn.Module:
    """The network that a finished run left, in eval mode."""
    return load_pretrained(folder / f"{run.name}.safetensors")


def tuned(model: nn.Module) -> nn.Module:
    """The network for inference: BatchNorms in the convolutions, channels last. The same answers but for rounding."""
    model = copy.deepcopy(model)
    model.stem = fuse(model.stem)
    model.stages = nn.ModuleList(fuse(stage) for stage in model.stages)
    return model.to(memory_format=torch.channels_last)


def in_chunks(part: nn.Module, x: Tensor) -> Tensor:
    """A part of the network on CHUNK images at a time."""
    return torch.cat([part(chunk) for chunk in x.split(CHUNK)])


def compact_in_chunks(model: nn.Module, images: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """The lesson's compaction with each stage in chunks: logits `(N, C)` and exits `(N,)`, in input order."""
    last = len(model.stages) - 1
    waiting = torch.arange(len(images))
    exits = torch.full((len(images),), last)
    logits: Tensor | None = None
    x = in_chunks(model.stem, images)
    for index, (stage, head) in enumerate(zip(model.stages, model.heads, strict=True)):
        x = in_chunks(stage, x)
        outputs = head(x)
        log_p = outputs.log_softmax(dim=1)
        done = -(log_p.exp() * log_p).sum(dim=1) < tolerance if index < last else torch.ones(len(x), dtype=torch.bool)
        logits = outputs.new_empty(len(images), outputs.shape[1]) if logits is None else logits
        logits[waiting[done]] = outputs[done]
        exits[waiting[done]] = index
        x, waiting = x[~done], waiting[~done]
        if not len(waiting):
            break
    assert logits is not None
    return logits, exits


def ways(model: nn.Module) -> dict[str, tuple[nn.Module, Callable[[Tensor], Tensor], Predict]]:
    """For each way the network, how it is run to its end, and how it leaves early."""

    def to_the_end(images: Tensor) -> Tensor:
        return model(images, 0.0, early_exit=False)

    fused = tuned(model)

    def to_the_end_in_chunks(images: Tensor) -> Tensor:
        return torch.cat([fused(chunk, 0.0, early_exit=False) for chunk in images.split(CHUNK)])

    return {
        "lesson": (model, to_the_end, lesson_function("predict_with_compaction")),
        "tuned": (fused, to_the_end_in_chunks, compact_in_chunks),
    }


def compare(
    model: nn.Module, images: Tensor, batch: int, tolerance: float, table: tuple[int, ...]
) -> list[dict[str, Any]]:
    """Compaction against the whole network, on the same images in the same batches, each way."""
    parts = images[: BATCHES[batch]].split(batch)
    chunks = [chunk for part in parts for chunk in part.split(CHUNK)]
    with torch.no_grad():
        return [
            {"way": name, "batch": batch, "threads": torch.get_num_threads()}
            | _compared(
                network, partial(map, to_the_end), partial(early, network, tolerance=tolerance), parts, cut, table
            )
            for (name, (network, to_the_end, early)), cut in zip(ways(model).items(), (parts, chunks), strict=True)
        ]


def _compared(
    network: nn.Module,
    to_the_end: Callable[[Sequence[Tensor]], Iterable[Tensor]],
    early: Callable[..., tuple[Tensor, Tensor]],
    parts: Sequence[Tensor],
    cut: Sequence[Tensor],
    table: tuple[int, ...],
) -> dict[str, Any]:
    """One way: `cut` are the images as the network's stages see them when all go to the end."""
    exits = torch.cat([early(images=part)[1] for part in parts])
    left = np.bincount(exits.numpy(), minlength=4) / len(exits)
    mac_ratio = table[-1] / float(left @ np.array(table, dtype=np.float64))
    ratios, whole, by_stage = [], [], []
    for _ in range(TURNS):
        whole.append(_seconds(lambda: list(to_the_end(parts))))
        ratios.append(whole[-1] / _seconds(lambda: [early(images=part) for part in parts]))
        by_stage.append(np.sum([_stage_seconds(network, images) for images in cut], axis=0))
    # What whole batches need to each exit; were an image's share of that saved, this would be the speed-up.
    seconds = np.cumsum(np.median(by_stage, axis=0))
    stages_allow = float(seconds[-1] / (left @ seconds))
    speed_up = statistics.median(ratios)
    return {
        "left": left.round(4).tolist(),
        "mac_ratio": round(mac_ratio, 3),
        "speed_up": round(speed_up, 3),
        "quartiles": [round(value, 3) for value in np.quantile(ratios, (0.25, 0.75)).tolist()],
        "of_mac_ratio": round(speed_up / mac_ratio, 3),
        "stages_allow": round(stages_allow / mac_ratio, 3),
        "ms_an_image": round(1_000 * statistics.median(whole) / len(exits), 3),
    }


def replay_against_forward(run: Run, folder: Path = KEPT) -> dict[str, float]:
    """A thousand tolerances on stored logits, as a share of one forward pass over the same images, on one thread."""
    torch.set_num_threads(1)
    data = load(run).test
    logits = load_file(folder / f"{run.name}.logits.safetensors")
    values, labels = logits["test"].numpy(), logits["test_labels"].numpy()
    thresholds = thresholds_of("entropy")
    model = trained(run, folder)

    def forward() -> None:
        with torch.no_grad():
            for part in data.images.split(250):
                model(part, 0.0, early_exit=False)

    shares = [
        _seconds(lambda: policies.per_sample("entropy", values, labels, thresholds)) / _seconds(forward)
        for _ in range(3)
    ]
    return {"thresholds": len(thresholds), "images": len(labels), "share": round(statistics.median(shares), 4)}


def measure(runs: list[Run], tolerances: dict[str, float], folder: Path = KEPT) -> None:
    """Time every run at every batch and number of threads, and keep the table."""
    rows = []
    for run in runs:
        model, images = trained(run, folder), load(run).test.images
        for threads in THREADS:
            torch.set_num_threads(threads)
            for batch in BATCHES:
                for row in compare(model, images, batch, tolerances[run.name], tables(run)[0]):
                    rows.append({"run": run.name, "tolerance": tolerances[run.name]} | row)
                    print(rows[-1], flush=True)
    result = {"rows": rows, "replay": replay_against_forward(runs[0], folder), "machine": machine()}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "clock.json").write_text(json.dumps(result, indent=1) + "\n")


def _stage_seconds(model: nn.Module, images: Tensor) -> np.ndarray:
    """Seconds from each exit's place to the next, for the whole batch; the first holds the stem too."""
    seconds, begin, x = [], time.perf_counter(), model.stem(images)
    for stage in model.stages:
        x = stage(x)
        now = time.perf_counter()
        seconds.append(now - begin)
        begin = now
    return np.array(seconds)


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin

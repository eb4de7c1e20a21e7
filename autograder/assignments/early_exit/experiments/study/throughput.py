"""Images a second by batch size: the whole network, compaction, and rebatching, on a GPU or a CPU.

What is timed is a stream of batches that is on the device already. It goes through the full-width network that students
get, at the entropy tolerance that was chosen on validation for half a point. Every way answers every image. Ways take
turns; shown is the best of the turns, after one that does not count.

- `plain`: every image to the last exit, batch by batch.
- `compaction`: the lesson's function; a stage runs on what is left of a batch.
- `rebatching`: a stage runs when as many wait as make a batch; its delay is counted too.

The network comes in float32 as in the lesson, in float32 folded, and in bfloat16 folded. Folded means BatchNorms in the
convolutions, and channels last up to the heads. On a GPU, plain and rebatching are timed a second time as CUDA graphs,
which want batches of one size.

To say where the rest of the MAC ratio goes, each stage is timed alone on a full batch, and then with its exit. That
gives the speed-ups that rebatching would have if only stages, or only stages and exits, took time.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.pretrained import load_pretrained
from study.clock import lesson_function, tuned
from study.graphs import captured
from study.rebatching import Part, Rebatching, parts_of
from study.replay import tables
from study.results import stored
from study.runs import RESULTS, TAUGHT, Run, full_runs
from study.training import device, load, machine

BATCHES = {"cuda": (32, 128, 512, 2_048), "cpu": (32, 128)}
STREAM = {"cuda": 32, "cpu": 8}  # batches
TURNS = 5
SIDE = 32  # of the features after the first stage; each later stage halves it
CALLS = {"cuda": 20, "cpu": 1}  # of one stage at a time, so that a GPU's host does not wait after each
# Logits (N, C) float32, exits (N,) int64, and where images waited for each other, the stream that knows how long.
Answers = tuple[Tensor, Tensor, Rebatching | None]
Way = Callable[[Sequence[Tensor]], Answers]
Stage = Callable[[Tensor], Tensor]


class InFloat32(nn.Module):
    """Logits of any precision in float32, in which entropies are computed."""

    def forward(self, logits: Tensor) -> Tensor:
        return logits.float()


class FlattenAsStored(nn.Module):
    """Flattens features that are stored channels last without copying them: row by row, column by column, `(B, F)`."""

    def forward(self, features: Tensor) -> Tensor:
        return features.permute(0, 2, 3, 1).flatten(1)


def folded(model: nn.Module) -> nn.Module:
    """The network with BatchNorms folded, channels last, and the weights of its heads in that order too."""
    model, side = tuned(model), SIDE
    for head in model.heads[:-1]:  # the last averages over the places first
        head[0], weight = FlattenAsStored(), head[1].weight
        weight.data = weight.data.unflatten(1, (-1, side, side)).permute(0, 2, 3, 1).flatten(1)
        side //= 2
    return model


def in_bfloat16(model: nn.Module) -> nn.Module:
    """The folded network in bfloat16 up to its logits, which are float32."""
    model = folded(model).bfloat16()
    model.heads = nn.ModuleList(nn.Sequential(*head, InFloat32()) for head in model.heads)
    return model


def ways(model: nn.Module, parts: Sequence[Part], tolerance: float, example: Tensor, *, graphs: bool) -> dict[str, Way]:
    """Each way as a function of a stream; `example` is one of its full batches."""
    compact = lesson_function("predict_with_compaction")

    def to_the_end(images: Tensor) -> Tensor:
        return model(images, 0.0, early_exit=False)

    if graphs:
        to_the_end = captured(to_the_end, example)

    def plain(stream: Sequence[Tensor]) -> Answers:
        logits = torch.cat([to_the_end(images).clone() for images in stream])
        return logits, torch.full((len(logits),), len(parts) - 1), None

    def compaction(stream: Sequence[Tensor]) -> Answers:
        logits, exits = zip(*(compact(model, images, tolerance) for images in stream), strict=True)
        return torch.cat(logits), torch.cat(exits), None

    def rebatching(stream: Sequence[Tensor]) -> Answers:
        through = Rebatching(parts, len(example), behind=1 if example.is_cuda else 0)
        for images in stream:
            through.feed(images)
        return *through.finish(), through

    of_each: dict[str, Way] = {"plain": plain, "compaction": compaction, "rebatching": rebatching}
    return {name: way for name, way in of_each.items() if not (graphs and name == "compaction")}


def stages_of(model: nn.Module) -> list[Stage]:
    """The network cut after each stage, without exits."""
    return [lambda x: model.stages[0](model.stem(x)), *model.stages[1:]]


def features_of(model: nn.Module, images: Tensor) -> list[Tensor]:
    """What each stage takes, for one batch that leaves nowhere."""
    features = [images]
    for stage in stages_of(model)[:-1]:
        features.append(stage(features[-1]))
    return features


def compare(
    model: nn.Module, stream: Sequence[Tensor], tolerance: float, table: Sequence[int], *, graphs: bool = False
) -> list[dict[str, Any]]:
    """Every way on the same stream, in turns: one row each.

    Args:
        model: In eval mode, on the device and in the precision of the stream.
        stream: Batches `(B, 3, 32, 32)`, all full but perhaps the last.
        tolerance: Entropy in nats.
        table: MACs of one image to each exit.
        graphs: Whether to record CUDA graphs.
    """
    with torch.no_grad():
        features = features_of(model, stream[0])
        stages, parts = stages_of(model), parts_of(model, tolerance)
        if graphs:
            stages = [captured(stage, x) for stage, x in zip(stages, features, strict=True)]
            parts = [captured(part, x) for part, x in zip(parts, features, strict=True)]
        of_each = ways(model, parts, tolerance, stream[0], graphs=graphs)
        answers = {name: way(stream) for name, way in of_each.items()}
        best = dict.fromkeys(of_each, math.inf)
        for _ in range(TURNS):
            for name, way in of_each.items():
                best[name] = min(best[name], _seconds(way, stream))
        alone, with_exit = (
            [_seconds_of_part(*pair) for pair in zip(of, features, strict=True)] for of in (stages, parts)
        )
    rows = []
    for name, (logits, exits, through) in answers.items():
        left = np.bincount(exits.cpu().numpy(), minlength=len(table)) / len(exits)
        mac_ratio = table[-1] / float(left @ np.array(table, dtype=np.float64))
        speed_up = best["plain"] / best[name]
        rows.append(
            {
                "way": name,
                "batch": len(stream[0]),
                "graphs": graphs,
                "images": len(logits),
                "images_a_second": round(len(logits) / best[name]),
                "left": left.round(4).tolist(),
                "mac_ratio": round(mac_ratio, 3),
                "speed_up": round(speed_up, 3),
                "of_mac_ratio": round(speed_up / mac_ratio, 3),
            }
        )
        if through is not None:
            delays = through.delays().double()
            rows[-1]["delay"] = {"mean": round(delays.mean().item(), 2), "max": int(delays.max())}
            # What an image needs to the end, over what it needs on average to its exit.
            reach = 1 - np.cumsum(left) + left  # of each stage: the share of the images that it sees
            rows[-1]["allowed"] = {
                what: round(float(np.sum(alone) / (reach @ seconds)) / mac_ratio, 3)
                for what, seconds in (("stages", alone), ("exits", with_exit))
            }
    return rows


def measure() -> None:
    """Time everything on this machine's device and keep the table; the rows without graphs first."""
    run = next(run for run in full_runs() if (run.dataset, run.recipe) == ("shapes", TAUGHT))
    tolerance = stored("summary")[run.name]["rules"]["entropy"]["chosen"]["plain"]["setting"]
    on, table, images, network = device(), tables(run)[0], load(run).test.images, load_pretrained()
    precisions = {
        "float32": (network.to(on), images.to(on)),
        "float32, folded": (folded(network).to(on), images.to(on, memory_format=torch.channels_last)),
        "bfloat16": (
            in_bfloat16(network).to(on),
            images.to(on, torch.bfloat16, memory_format=torch.channels_last),
        ),
    }
    rows: list[dict[str, Any]] = []
    for graphs in (False, True) if on.type == "cuda" else (False,):
        for precision, (model, own) in precisions.items():
            for batch in BATCHES[on.type]:
                count = STREAM[on.type] * batch
                stream = torch.cat([own] * -(-count // len(own)))[:count].split(batch)
                for row in compare(model, stream, tolerance, table, graphs=graphs):
                    rows.append({"precision": precision} | row)
                    print(rows[-1], flush=True)
                _keep(run, tolerance, rows, on)


def _keep(run: Run, tolerance: float, rows: Sequence[dict[str, Any]], on: torch.device) -> None:
    """Write what there is so far."""
    result = {
        "run": run.name,
        "tolerance": tolerance,
        "tf32": on.type == "cuda" and torch.backends.cudnn.allow_tf32,  # in the float32 convolutions
        "rows": rows,
        "machine": machine(on),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"throughput-{on.type}.json").write_text(json.dumps(result, indent=1) + "\n")


def _seconds_of_part(part: Stage | Part, features: Tensor) -> float:
    """Seconds of a call on a full batch: the best of the turns, after one that does not count."""
    calls = [features] * CALLS[features.device.type]
    turns = [_seconds(lambda xs: [part(x) for x in xs], calls) for _ in range(1 + TURNS)]
    return min(turns[1:]) / len(calls)


def _seconds(way: Callable[[Sequence[Tensor]], object], stream: Sequence[Tensor]) -> float:
    """Seconds by the clock until the answers are there, not only asked for."""
    wait = torch.cuda.synchronize if stream[0].is_cuda else lambda: None
    wait()
    begin = time.perf_counter()
    way(stream)
    wait()
    return time.perf_counter() - begin

"""Wall clock: what leaving early saves in seconds, beside what it saves in MACs.

Timed is the lesson's own `predict_with_compaction`, the solution in the notebook, against the same network run to its
end. Both take turns on the same images, so that what else the machine does meets both; shown are medians of the turns'
ratios. A ratio of 1 between speed-up and MAC ratio would mean that a MAC saved is a MAC's time saved.
"""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from course_lib.model import EarlyExitResNet18
from study import policies
from study.replay import CLASSES, tables, thresholds_of
from study.runs import KEPT, RESULTS, ROOT, Run
from study.training import load, machine

BATCHES = {1: 64, 32: 256, 128: 512}  # images in a batch: images timed
THREADS = (1, 2)
TURNS = 7
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
    model = EarlyExitResNet18(num_classes=CLASSES[run.dataset], width=run.width)
    model.load_state_dict(load_file(folder / f"{run.name}.safetensors"))
    return model.eval()


def compare(model: nn.Module, images: Tensor, batch: int, tolerance: float, table: tuple[int, ...]) -> dict[str, Any]:
    """Compaction against the whole network, on the same images in the same batches."""
    early = lesson_function("predict_with_compaction")
    parts = images[: BATCHES[batch]].split(batch)
    exits = torch.cat([early(model, part, tolerance)[1] for part in parts])
    left = torch.bincount(exits, minlength=4).double() / len(exits)
    costs = torch.tensor(table, dtype=torch.float64) / table[-1]
    mac_ratio = 1 / (left @ costs).item()
    ratios, to_the_end, by_stage = [], [], []
    with torch.no_grad():
        for _ in range(TURNS):
            whole = _seconds(lambda: [model(part, 0.0, early_exit=False) for part in parts])
            ratios.append(whole / _seconds(lambda: [early(model, part, tolerance) for part in parts]))
            to_the_end.append(whole)
            by_stage.append(np.sum([_stage_seconds(model, part) for part in parts], axis=0))
    speed_up = statistics.median(ratios)
    # The time that whole batches need to each exit, were an image's share of it saved as its MACs are.
    clock_table = np.cumsum(np.median(by_stage, axis=0))
    of_stages = clock_table[-1] / float(left.numpy() @ clock_table)
    return {
        "batch": batch,
        "threads": torch.get_num_threads(),
        "left": [round(share, 4) for share in left.tolist()],
        "mac_ratio": round(mac_ratio, 3),
        "speed_up": round(speed_up, 3),
        "quartiles": [round(value, 3) for value in np.quantile(ratios, (0.25, 0.75)).tolist()],
        "of_mac_ratio": round(speed_up / mac_ratio, 3),
        "stages_allow": round(of_stages / mac_ratio, 3),
        "images_per_s": round(len(exits) / statistics.median(to_the_end), 1),
    }


def replay_against_forward(run: Run, folder: Path = KEPT) -> dict[str, float]:
    """A thousand tolerances on stored logits, as a share of one forward pass over the same images, on one thread."""
    torch.set_num_threads(1)
    data = load(run).test
    logits = load_file(folder / f"{run.name}.logits.safetensors")
    values, labels = logits["test"].numpy(), logits["test_labels"].numpy()
    thresholds = thresholds_of("entropy", values.shape[-1])
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
                row = compare(model, images, batch, tolerances[run.name], tables(run)[0])
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

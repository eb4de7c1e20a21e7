"""The study's pictures, from its result files. The page says what each one shows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from study.replay import SHARES
from study.results import Summary, runs_of, stored
from study.runs import DATASETS, FULL, NARROW, RESULTS, SMALL, TAUGHT

DRAWN = {"vector": "-", "entropy": "--", "batch mean": ":"}  # rule: line
# The same picture to the byte from the same results: neither the date nor the version of the library is kept.
SAVED = {"dpi": 110, "metadata": {"Software": None}}


def frontier(summary: Summary) -> plt.Figure:
    """Accuracy by share of the MACs: rules with their band over seeds, and narrower plain networks."""
    figure, axes = plt.subplots(1, len(DATASETS), figsize=(10, 4), layout="constrained")
    for axis, dataset in zip(axes, DATASETS, strict=True):
        records = runs_of(summary, dataset, TAUGHT)
        for (rule, line), grey in zip(DRAWN.items(), ("0.0", "0.35", "0.55"), strict=True):
            curves = 100 * np.array(
                [one["rules"][rule]["frontier"] for one in records], dtype=float
            )  # None: NaN, not drawn
            axis.fill_between(SHARES, curves.min(axis=0), curves.max(axis=0), color=grey, alpha=0.12, linewidth=0)
            axis.plot(SHARES, curves.mean(axis=0), line, color=grey, label=f"{rule}, width {SMALL}")
        for one in runs_of(summary, dataset, TAUGHT, FULL):
            curve = 100 * np.array(one["rules"]["vector"]["frontier"], dtype=float)
            axis.plot(SHARES, curve, "-", color="tab:blue", label=f"vector, width {FULL}")
            axis.plot(1.0, 100 * one["baselines"]["plain"]["test"], "o", color="tab:blue", label=f"plain, width {FULL}")
        full = records[0]["exit_macs"][-1]
        plain = [runs_of(summary, dataset, "plain", width) for width in (*NARROW, SMALL)]
        shares = [of_width[0]["exit_macs"][-1] / full for of_width in plain]
        accuracies = [[100 * one["accuracies"]["test"][-1] for one in of_width] for of_width in plain]
        means = np.array([np.mean(values) for values in accuracies])
        spread = np.abs(np.array([[min(values), max(values)] for values in accuracies]).T - means)
        label = "plain, width " + ", ".join(str(width) for width in (*NARROW, SMALL))
        axis.errorbar(shares, means, yerr=spread, fmt="s", color="tab:red", capsize=3, label=label)
        again = [
            of_width for width in (*NARROW, SMALL) if (of_width := runs_of(summary, dataset, "plain again", width))
        ]
        axis.plot(
            [of_width[0]["exit_macs"][-1] / full for of_width in again],
            [100 * np.mean([one["accuracies"]["test"][-1] for one in of_width]) for of_width in again],
            "s",
            color="tab:red",
            fillstyle="none",
            label="the same, trained as long as early exit",
        )
        low = min(
            values.min()
            for values in (means, *(100 * np.array(r["rules"]["vector"]["frontier"], dtype=float) for r in records))
        )
        axis.set(
            xlabel="share of the full network's MACs", ylabel="test accuracy, %", title=dataset, ylim=(low - 2, None)
        )
        axis.legend(frameon=False, loc="lower right", fontsize=8)
    return figure


def exits(summary: Summary) -> plt.Figure:
    """Who leaves where under the chosen setting of three rules, mean over seeds."""
    figure, axes = plt.subplots(1, len(DATASETS), figsize=(10, 3), layout="constrained", sharey=True)
    for axis, dataset in zip(axes, DATASETS, strict=True):
        for place, rule in enumerate(DRAWN):
            chosen = [one["rules"][rule]["chosen"]["plain"] for one in runs_of(summary, dataset, TAUGHT)]
            left = np.array([[0, 0, 0, 1] if one is None else one["left"] for one in chosen])
            at = np.arange(4) + (place - 1) * 0.27
            spread = np.abs(np.stack([left.min(axis=0), left.max(axis=0)]) - left.mean(axis=0))
            tone = str(0.85 - 0.35 * place)
            axis.bar(at, left.mean(axis=0), 0.25, yerr=spread, color=tone, edgecolor="0.0", capsize=2, label=rule)
        axis.set(xticks=range(4), xticklabels=[f"exit {k}" for k in range(4)], title=dataset)
    axes[0].set(ylabel="share of the test images")
    axes[1].legend(frameon=False)
    return figure


def clock(rows: Sequence[dict[str, Any]]) -> plt.Figure:
    """Speed-up next to MAC ratio for each batch and number of threads."""
    names = list(dict.fromkeys(one["run"] for one in rows))
    figure, axes = plt.subplots(len(names), 1, figsize=(12, 3 * len(names)), layout="constrained", squeeze=False)
    for axis, name in zip(axes[:, 0], names, strict=True):
        of_run = [one for one in rows if one["run"] == name]
        at = np.arange(len(of_run))
        axis.bar(at - 0.2, [one["mac_ratio"] for one in of_run], 0.38, color="0.85", edgecolor="0.0", label="MAC ratio")
        speed = [one["speed_up"] for one in of_run]
        spread = np.array(
            [[one["speed_up"] - one["quartiles"][0], one["quartiles"][1] - one["speed_up"]] for one in of_run]
        )
        axis.bar(
            at + 0.2, speed, 0.38, yerr=spread.clip(0).T, color="0.4", edgecolor="0.0", capsize=2, label="speed-up"
        )
        axis.axhline(1, color="0.5", linewidth=0.8)
        labels = [
            f"batch {one['batch']}\n{one['threads']} thread{'s' * (one['threads'] > 1)}\n{one['way']}" for one in of_run
        ]
        axis.set_xticks(at, labels, fontsize=8)
        axis.set(title=name)
        axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def write(folder: Path = RESULTS) -> None:
    """Draw all of them next to the results."""
    summary: Summary = stored("summary", folder)
    pictures = {
        "frontier": frontier(summary),
        "exits": exits(summary),
        "clock": clock(stored("clock", folder)["rows"]),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / f"{name}.png", **SAVED)
        plt.close(figure)

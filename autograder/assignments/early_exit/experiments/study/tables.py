"""The stored results as tables, one function for each table of the page. Computes nothing but means over seeds."""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from course_lib.macs import exit_macs, total_macs
from course_lib.model import IMAGE_SHAPE, EarlyExitResNet18
from study.markdown import fixed, mean_of, table
from study.replay import DROP, SHARES
from study.results import Summary, drops, ratios, runs_of
from study.runs import DATASETS, FULL, LONG, NARROW, RECIPES, SEEDS, SHORT, SMALL, TAUGHT, Run

BY_SEED = ("vector", "entropy")  # rules shown seed by seed
RULES = ("batch mean", "entropy", "max-prob", "margin", "patience", "vector")


def without(records: Sequence[dict[str, Any]], rule: str, against: str = "plain") -> str:
    """How many seeds have no setting, as a remark; "" if all have one."""
    none = len(records) - len(drops(records, rule, against))
    return f" ({none} of {len(records)} without a setting)" if none else ""


def what_was_run(summary: Summary) -> str:
    """The runs of each data set and width: recipes, seeds, sizes, and what they took."""
    rows = []
    for width in (SMALL, *NARROW, FULL):
        for dataset in DATASETS:
            records = [one for one in summary.values() if (one["dataset"], one["width"]) == (dataset, width)]
            if records:
                names = ", ".join(name for name in RECIPES if any(one["recipe"] == name for one in records))
                seeds, first = len({one["seed"] for one in records}), records[0]
                sizes = f"{first['images']:,}", first["epochs"], first["batch"]
                rows.append((dataset, width, names, seeds, *sizes, _spent(records)))
    return table("data set | width | recipes | seeds | images | epochs | batch | CPU s a run", rows)


def _spent(records: Sequence[dict[str, Any]]) -> str:
    """The least and the most that a run took, on CPUs and on GPUs."""
    told = []
    for key, unit in (("cpu_s", ""), ("seconds", " s on a GPU")):
        spent = [one[key] for one in records if key in one]
        told += [f"{min(spent)} to {max(spent)}{unit}"] if spent else []
    return ", ".join(told)


def homework_totals() -> tuple[int, int]:
    """MACs of the homework's 6,000 images without exits, and of its 47 batches at (16, 3, 6, 22), a short one last."""
    costs = exit_macs(EarlyExitResNet18(num_classes=6, width=FULL), IMAGE_SHAPE)
    images = (16 * 128, 3 * 128, 6 * 128, 21 * 128 + 112)
    return total_macs(costs, (0, 0, 0, 6_000)), total_macs(costs, images)


def seed_beside_ours(summary: Summary) -> str:
    """The homework's printed claim, and what the same network gives when nothing is tuned on test."""
    whole, early = homework_totals()
    best = [one for dataset in DATASETS for one in runs_of(summary, dataset, TAUGHT, FULL)]
    chosen = [one["rules"]["vector"]["chosen"]["plain"] for one in best]
    accuracy = ["no setting" if one is None else f"{100 * one['accuracy']:.2f} %" for one in chosen]
    ratio = ["1" if one is None else f"{one['mac_ratio']:.3f}" for one in chosen]
    rows = [
        ("plain network, test", "90.78 %", *(f"{100 * one['baselines']['plain']['test']:.2f} %" for one in best)),
        ("early exit, test", "never printed", *accuracy),
        ("MAC ratio", f"{whole / early:.3f}", *ratio),
        ("who leaves", "the batch, by its mean entropy", *["each image, a threshold for each exit"] * len(best)),
        ("tolerance chosen on", "test", *["validation"] * len(best)),
    ]
    return table(" | ".join(["", "homework", *(f"{one['dataset']}, width {FULL}" for one in best)]), rows)


def recipes(summary: Summary, dataset: str, width: int = SMALL, epochs: int = SHORT) -> str:
    """What each recipe reaches at each exit, in % on test, and what it then saves."""
    rows = []
    plain = {one["seed"]: one["accuracies"]["test"][-1] for one in runs_of(summary, dataset, "plain", width, epochs)}
    for recipe in RECIPES:
        records = runs_of(summary, dataset, recipe, width, epochs)
        if not records:
            continue
        last = [one["accuracies"]["test"][-1] for one in records]
        chosen_by = mean_of((one["accuracies"]["validation"][-1] for one in records), 100)
        gained = mean_of((value - plain[one["seed"]] for value, one in zip(last, records, strict=True)), 100)
        if "rules" not in records[0]:
            gained = gained if recipe != "plain" else ""
            rows.append((recipe, "", "", "", mean_of(last, 100), chosen_by, gained, "", ""))
            continue
        of_exit = [mean_of(values, 100) for values in zip(*(one["accuracies"]["test"] for one in records), strict=True)]
        none = sum(one["rules"]["vector"]["chosen"]["plain"] is None for one in records)
        ratio = mean_of(ratios(records, "vector"), places=2)
        rows.append((recipe, *of_exit, chosen_by, gained, ratio, f"{none} of {len(records)}"))
    exits = "exit 0 | exit 1 | exit 2 | exit 3"
    return table(f"recipe | {exits} | on validation | exit 3 less plain | MAC ratio | seeds without", rows)


def by_seed(wide: Summary, dataset: str) -> str:
    """What early exit saves next to a plain network trained as long, seed by seed, by two rules."""
    rows = []
    for one in trained_as_long(wide, dataset):
        cells = []
        for rule in BY_SEED:
            chosen = one["rules"][rule]["chosen"]["as long"]
            none = ["no setting", ""]
            cells += none if chosen is None else [f"{chosen['mac_ratio']:.2f}", fixed(100 * chosen["drop"], 2)]
        accuracies = (*(one["baselines"][of]["test"] for of in ("plain", "as long")), one["accuracies"]["test"][-1])
        rows.append((one["seed"], *(f"{100 * value:.1f}" for value in accuracies), *cells))
    of_rules = " | ".join(f"{rule}: MAC ratio | points below" for rule in BY_SEED)
    return table(f"seed | plain | trained as long | early exit, exit 3 | {of_rules}", rows)


def trained_as_long(wide: Summary, dataset: str, against: str = "as long") -> list[dict[str, Any]]:
    """The long runs with exits at full width that have such a baseline, seed by seed."""
    return [one for one in runs_of(wide, dataset, TAUGHT, FULL, LONG) if against in one["baselines"]]


def by_rule(wide: Summary, dataset: str) -> str:
    """What each rule saves next to either plain network, over the seeds; a seed without a setting counts as 1."""
    rows = []
    for title, against in (("plain", "plain"), ("trained as long", "as long")):
        records = trained_as_long(wide, dataset, against)
        for rule in RULES if records else ():
            ratio, drop = ratios(records, rule, against=against), drops(records, rule, against)
            span = f"{min(ratio):.2f} to {max(ratio):.2f}"
            kept = f"{len(drop)} of {len(records)}", sum(value <= DROP for value in drop)
            middle = f"{statistics.median(ratio):.2f}"
            rows.append((title, rule, mean_of(ratio, places=2), middle, span, mean_of(drop, 100, 2), *kept))
    of_seeds = f"seeds with a setting | of these within {100 * DROP:.1f} points on test"
    return table(f"next to | rule | MAC ratio | median | lowest to highest | points below | {of_seeds}", rows)


def policies(summary: Summary, dataset: str, width: int) -> str:
    """What each rule reaches at half the MACs, and saves next to the plain network."""
    records = runs_of(summary, dataset, TAUGHT, width)
    rows = [
        (
            rule,
            _reached([one["rules"][rule]["at_half"] for one in records]),
            mean_of(ratios(records, rule), places=2) + without(records, rule),
            mean_of(ratios(records, rule, "mac_ratio_all_heads"), places=2),
            mean_of(drops(records, rule), 100, 2),
        )
        for rule in RULES
    ]
    return table("rule | accuracy at half the MACs | MAC ratio | all heads counted | points below plain", rows)


def _reached(accuracies: Sequence[float | None]) -> str:
    """A mean accuracy in %, or that the rule cannot spend so little."""
    values = [value for value in accuracies if value is not None]
    return mean_of(values, 100) if len(values) == len(accuracies) else "cannot"


def narrower(summary: Summary, dataset: str) -> str:
    """Smaller plain networks against early exit at the same MACs."""
    taught = {one["seed"]: one for one in runs_of(summary, dataset, TAUGHT)}
    full = next(iter(taught.values()))["exit_macs"][-1]
    rows = []
    for recipe in ("plain", "plain again"):
        for width in (*NARROW, SMALL):
            records = [one for one in runs_of(summary, dataset, recipe, width) if one["seed"] in taught]
            if not records:
                continue
            share = records[0]["exit_macs"][-1] / full
            plain = [one["accuracies"]["test"][-1] for one in records]
            early = [_interpolated(taught[one["seed"]]["rules"]["vector"]["frontier"], share) for one in records]
            less = [ours - theirs for ours, theirs in zip(early, plain, strict=True) if ours is not None]
            gained = mean_of(less, 100) if len(less) == len(early) else ""
            name = f"{recipe}, width {width}"
            rows.append((name, len(records), f"{share:.0%}", mean_of(plain, 100), _reached(early), gained))
    header = "plain network | seeds | share of the MACs | its accuracy | early exit there | early exit less plain"
    return table(header, rows)


def _interpolated(frontier: Sequence[float | None], share: float) -> float | None:
    """The accuracy there, on the line between its neighbours; None if the rule cannot spend so little."""
    known = [(x, y) for x, y in zip(SHARES, frontier, strict=True) if y is not None]
    return None if share < known[0][0] else float(np.interp(share, *zip(*known, strict=True)))


def risk(summary: Summary) -> str:
    """How often each choice of a threshold kept its promise, over draws of what it is chosen on."""
    rows = []
    for dataset in DATASETS:
        records = runs_of(summary, dataset, TAUGHT)
        for choice in ("tested", "in expectation", "naive"):
            fates = [one["risk"][choice] for one in records]
            held = f"{min(fate['held'] for fate in fates):.1%} to {max(fate['held'] for fate in fates):.1%}"
            mean_risk = mean_of((fate["risk"] for fate in fates), 100, 2)
            rows.append((dataset, choice, held, f"{mean_risk} %", mean_of((f["mac_ratio"] for f in fates), places=2)))
    return table("data set | choice | draws that held | mean risk | MAC ratio", rows)


def clock(timed: Sequence[dict[str, Any]]) -> str:
    """How much faster early exit is by the clock, and how much its stages alone would allow."""
    rows = [
        (
            *(one[key] for key in ("run", "way", "threads", "batch")),
            f"{one['mac_ratio']:.2f}",
            _with_quartiles(one),
            f"{one['of_mac_ratio']:.2f}",
            f"{one['stages_allow']:.2f}",
        )
        for one in timed
    ]
    return table("run | way | threads | batch | MAC ratio | speed-up | ÷ MAC ratio | stages would allow", rows)


def training_speed(timed: Sequence[dict[str, Any]]) -> str:
    """How much faster the fast training step is, and how far its loss curve is from the plain one's."""
    rows = []
    for one in timed:
        gaps = ("too few steps" if one[key] is None else f"{one[key]:.1%}" for key in ("gap", "other_order"))
        rows.append((one["run"], one["batch"], one["steps"], _with_quartiles(one), *gaps))
    header = "run | batch | steps compared | plain ÷ fast | largest gap of the curves | another order's gap"
    return table(header, rows)


def _with_quartiles(timed: dict[str, Any]) -> str:
    return f"{timed['speed_up']:.2f} ({timed['quartiles'][0]:.2f} to {timed['quartiles'][1]:.2f})"


def throughput(timed: Sequence[dict[str, Any]]) -> str:
    """One line for each precision, batch and way of launching."""
    of_each: dict[tuple[str, bool, int], dict[str, dict[str, Any]]] = {}
    for one in timed:
        of_each.setdefault((one["precision"], one["graphs"], one["batch"]), {})[one["way"]] = one
    rows = []
    for (precision, graphs, batch), ways in of_each.items():
        faster = [
            f"{ways[way]['speed_up']:.2f} ({ways[way]['of_mac_ratio']:.2f})" if way in ways else ""
            for way in ("compaction", "rebatching")
        ]
        delay, plain = ways["rebatching"]["delay"], f"{ways['plain']['images_a_second']:,}"
        launched = "yes" if graphs else "no"
        allowed = ways["rebatching"].get("allowed", {})  # the oldest rows have none
        allow = [f"{allowed[what]:.2f}" if what in allowed else "not timed" for what in ("stages", "exits")]
        rows.append((precision, launched, batch, plain, *faster, *allow, f"{delay['mean']:.1f}", delay["max"]))
    faster_by = " | ".join(f"{way}: speed-up (÷ MAC ratio)" for way in ("compaction", "rebatching"))
    plain = "plain, images a second"
    allow = "stages would allow | with exits"
    delay = "delay in batches, mean | most"
    return table(f"precision | CUDA graphs | batch | {plain} | {faster_by} | {allow} | {delay}", rows)


def controls(result: dict[str, dict[str, Any]], dataset: str) -> str:
    """Who leaves where, whether the exit goes with the prediction depth, and what both go with."""
    records = [result[name] for seed in SEEDS if (name := Run(dataset, TAUGHT, seed).name) in result]
    by_exit = (
        ("images", "images", 1, 0),
        ("right, %", "accuracy", 100, 1),
        ("prediction depth", "depth", 1, 2),
        ("probe after that stage right, %", "probes", 100, 1),
    )
    rows = [
        (title, *(mean_of(values, scale, places) for values in _columns(records, key)))
        for title, key, scale, places in by_exit
    ]
    correlation = mean_of((one["depth_and_exit"] for one in records), places=2)
    parts = [
        table(" | exit 0 | exit 1 | exit 2 | exit 3", rows),
        f"Rank correlation of exit and prediction depth: {correlation}.",
    ]
    if factors := records[0]["factors_and_exit"]:
        keys = ("factors_and_exit", "factors_and_depth")
        rows = [(name, *(mean_of((one[key][name] for one in records), places=2) for key in keys)) for name in factors]
        parts.append(table("factor | with the exit | with the prediction depth", rows))
    return "\n\n".join(parts)


def _columns(records: Sequence[dict[str, Any]], key: str) -> list[list[float]]:
    return [[value for value in column if value is not None] for column in zip(*(r[key] for r in records), strict=True)]

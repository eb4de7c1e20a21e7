"""The bars of the study: what it set out to show, and what it found."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from study.markdown import mean_of, table
from study.replay import DROP
from study.results import Summary, drops, per_sample_gain, ratios, runs_of
from study.runs import DATASETS, FULL, LONG, SMALL, TAUGHT

Row = tuple[str, str, str, str]  # figure, bar, found, whether it is met
DEVICES = {"cuda": ("on a GPU", 0.7), "cpu": ("on a CPU", 0.9)}  # rebatching's bar at 128: speed-up over MAC ratio


def bars(
    summary: Summary,
    clock_rows: Sequence[dict[str, Any]],
    speed_rows: Sequence[dict[str, Any]],
    wide: Summary,
    throughputs: dict[str, dict[str, Any]],
) -> str:
    """All of them as a table."""
    rows: list[Row] = []
    for dataset, bar in (("shapes", 2.0), ("fashion-mnist", 1.8)):
        for width in (SMALL, FULL):
            rows += _ratio_bars(runs_of(summary, dataset, TAUGHT, width), f"{dataset}, width {width}", bar)
    for dataset, bar in (("shapes", 2.3), ("fashion-mnist", 3.0)):
        records = runs_of(wide, dataset, TAUGHT, FULL, LONG)
        rows += _ratio_bars(records, f"{dataset}, width {FULL}, {LONG} epochs", bar)
    for dataset in DATASETS:
        gain = per_sample_gain(runs_of(summary, dataset, TAUGHT))
        figure = f"each image for itself less batch mean, half the MACs, {dataset}"
        rows.append((figure, "> 2 points", mean_of(gain, 100), _met(statistics.mean(gain) > 0.02)))
    for one in clock_rows:
        if one["batch"] == 128:
            how = f"{one['run']}, {one['way']}, {one['threads']} thread(s)"
            rows.append(_at_least(0.85, f"speed-up ÷ MAC ratio, batch 128, {how}", one["of_mac_ratio"]))
    for name, result in throughputs.items():
        where, bar = DEVICES[name]
        for one in result["rows"]:
            if one["way"] == "rebatching" and one["batch"] == 128:
                how = f"rebatched {where}, {one['precision']}{', CUDA graphs' if one['graphs'] else ''}"
                figure = f"speed-up ÷ MAC ratio, batch 128, width {FULL}, {how}"
                rows.append(_at_least(bar, figure, one["of_mac_ratio"]))
    for one in speed_rows:
        rows.append(_at_least(2, f"a training step, plain ÷ fast, {one['run']}, batch {one['batch']}", one["speed_up"]))
    held = min(one["risk"]["tested"]["held"] for d in DATASETS for one in runs_of(summary, d, TAUGHT))
    rows.append(("risk-controlled threshold holds", "≥ 95 % of draws", f"{held:.1%} at worst", _met(held >= 0.95)))
    return table("figure | bar | found | ", rows)


def _ratio_bars(records: Sequence[dict[str, Any]], of: str, bar: float) -> Iterator[Row]:
    """The MAC ratio at half a point below each of two baselines, of the runs that have one."""
    for against, title in (("plain", "plain"), ("as long", "plain trained as long")):
        with_it = [one for one in records if against in one["rules"]["vector"]["chosen"]]
        if with_it:
            ratio, drop = ratios(with_it, "vector", against=against), drops(with_it, "vector", against)
            met = statistics.mean(ratio) >= bar and bool(drop) and statistics.mean(drop) <= DROP
            found = f"{mean_of(ratio, places=2)}, {mean_of(drop, 100, 2)} below"
            yield f"MAC ratio at ≤ {100 * DROP:.1f} points below {title}, {of}", f"≥ {bar}", found, _met(met)


def _at_least(bar: float, figure: str, found: float) -> Row:
    return figure, f"≥ {bar}", f"{found:.2f}", _met(found >= bar)


def _met(met: bool) -> str:
    return "met" if met else "**missed**"

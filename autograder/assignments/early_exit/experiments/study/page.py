"""Sets the stored results in tables: `numbers.md`, whose prose is in `numbers.md.j2`.

Computes nothing but means over seeds and their 95 % intervals (Student's t). What README quotes is in `facts`, so that
one test can hold both to the same files.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from course_lib.macs import exit_macs, total_macs
from course_lib.model import IMAGE_SHAPE, EarlyExitResNet18
from study.policies import LEVELS
from study.replay import DROP, KEPT_BACK, RISK, SHARES
from study.results import Summary, drops, per_sample_gain, ratios, runs_of, stored, stored_if_any
from study.runs import DATASETS, FULL, LONG, NARROW, RECIPES, RESULTS, SEEDS, SHORT, SMALL, TAUGHT, Run

TEMPLATE = Path(__file__).with_name("numbers.md.j2")
PAGE = RESULTS.parents[1] / "numbers.md"
T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}  # by degrees of freedom
BY_SEED = ("vector", "entropy")  # rules shown seed by seed
DEVICES = {"cuda": ("on a GPU", 0.7), "cpu": ("on a CPU", 0.9)}  # rebatching's bar at 128: speed-up over MAC ratio
RULES = ("batch mean", "entropy", "max-prob", "margin", "patience", "vector")


def mean_of(values: Iterable[float], scale: float = 1.0, places: int = 1) -> str:
    """A mean over seeds with its 95 % interval, as text."""
    values = [scale * value for value in values]
    if not values:
        return ""
    mean = round(statistics.mean(values), places) + 0.0  # of -0.0 makes 0.0
    if len(values) == 1:
        return f"{mean:.{places}f}"
    half = T_95[len(values) - 1] * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.{places}f} ± {half:.{places}f}"


def text(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def head(*cells: str) -> list[str]:
    return [row(*cells), row(*(["---"] * len(cells)))]


def without(records: Sequence[dict[str, Any]], rule: str, against: str = "plain") -> str:
    """How many seeds have no setting, as a remark; "" if all have one."""
    none = len(records) - len(drops(records, rule, against))
    return f" ({none} of {len(records)} without a setting)" if none else ""


def what_was_run(summary: Summary) -> list[str]:
    lines = head("data set", "width", "recipes", "seeds", "images", "epochs", "batch", "CPU s a run")
    for width in (SMALL, *NARROW, FULL):
        for dataset in DATASETS:
            records = [one for one in summary.values() if (one["dataset"], one["width"]) == (dataset, width)]
            if records:
                first = records[0]
                lines.append(
                    row(
                        dataset,
                        width,
                        ", ".join(name for name in RECIPES if any(one["recipe"] == name for one in records)),
                        len({one["seed"] for one in records}),
                        f"{first['images']:,}",
                        first["epochs"],
                        first["batch"],
                        _spent(records),
                    )
                )
    return lines


def _spent(records: Sequence[dict[str, Any]]) -> str:
    """The least and the most that a run took, on CPUs and on GPUs."""
    told = []
    for key, unit in (("cpu_s", ""), ("seconds", " s on a GPU")):
        spent = [one[key] for one in records if key in one]
        told += [f"{min(spent)} to {max(spent)}{unit}"] if spent else []
    return ", ".join(told)


def homework_totals() -> tuple[int, int]:
    """MACs of the homework's 6,000 images without exits, and of its 47 batches at (16, 3, 6, 22), a short one last."""
    table = exit_macs(EarlyExitResNet18(num_classes=6, width=FULL), IMAGE_SHAPE)
    images = (16 * 128, 3 * 128, 6 * 128, 21 * 128 + 112)
    return total_macs(table, (0, 0, 0, 6_000)), total_macs(table, images)


def seed_beside_ours(summary: Summary) -> list[str]:
    """The homework's printed claim, and what the same network gives when nothing is tuned on test."""
    whole, early = homework_totals()
    best = [one for dataset in DATASETS for one in runs_of(summary, dataset, TAUGHT, FULL)]
    chosen = [one["rules"]["vector"]["chosen"]["plain"] for one in best]
    accuracy = ["no setting" if one is None else f"{100 * one['accuracy']:.2f} %" for one in chosen]
    ratio = ["1" if one is None else f"{one['mac_ratio']:.3f}" for one in chosen]
    return [
        *head("", "homework", *(f"{one['dataset']}, width {FULL}" for one in best)),
        row("plain network, test", "90.78 %", *(f"{100 * one['baselines']['plain']['test']:.2f} %" for one in best)),
        row("early exit, test", "never printed", *accuracy),
        row("MAC ratio", f"{whole / early:.3f}", *ratio),
        row("who leaves", "the batch, by its mean entropy", *["each image, a threshold for each exit"] * len(best)),
        row("tolerance chosen on", "test", *["validation"] * len(best)),
    ]


def recipes(summary: Summary, dataset: str, width: int = SMALL, epochs: int = SHORT) -> list[str]:
    lines = head(
        "recipe",
        "exit 0",
        "exit 1",
        "exit 2",
        "exit 3",
        "on validation",
        "exit 3 less plain",
        "MAC ratio",
        "seeds without",
    )
    plain = {one["seed"]: one["accuracies"]["test"][-1] for one in runs_of(summary, dataset, "plain", width, epochs)}
    for recipe in RECIPES:
        records = runs_of(summary, dataset, recipe, width, epochs)
        if not records:
            continue
        last = [one["accuracies"]["test"][-1] for one in records]
        chosen_by = mean_of((one["accuracies"]["validation"][-1] for one in records), 100)
        gained = mean_of((value - plain[one["seed"]] for value, one in zip(last, records, strict=True)), 100)
        if "rules" not in records[0]:
            lines.append(
                row(recipe, "", "", "", mean_of(last, 100), chosen_by, gained if recipe != "plain" else "", "", "")
            )
            continue
        of_exit = zip(*(one["accuracies"]["test"] for one in records), strict=True)
        none = sum(one["rules"]["vector"]["chosen"]["plain"] is None for one in records)
        lines.append(
            row(
                recipe,
                *(mean_of(values, 100) for values in of_exit),
                chosen_by,
                gained,
                mean_of(ratios(records, "vector"), places=2),
                f"{none} of {len(records)}",
            )
        )
    return lines


def by_seed(wide: Summary, dataset: str) -> list[str]:
    """What early exit saves next to a plain network trained as long, seed by seed, by two rules."""
    lines = head(
        "seed",
        "plain",
        "trained as long",
        "early exit, exit 3",
        *(title for rule in BY_SEED for title in (f"{rule}: MAC ratio", "points below")),
    )
    records = [one for one in runs_of(wide, dataset, TAUGHT, FULL, LONG) if "as long" in one["baselines"]]
    for one in records:
        cells = []
        for rule in BY_SEED:
            chosen = one["rules"][rule]["chosen"]["as long"]
            cells += ["no setting", ""] if chosen is None else [f"{chosen['mac_ratio']:.2f}", _points(chosen["drop"])]
        accuracies = (*(one["baselines"][of]["test"] for of in ("plain", "as long")), one["accuracies"]["test"][-1])
        lines.append(row(one["seed"], *(f"{100 * value:.1f}" for value in accuracies), *cells))
    return lines


def by_rule(wide: Summary, dataset: str) -> list[str]:
    """What each rule saves next to either plain network, over the seeds; a seed without a setting counts as 1."""
    lines = head(
        "next to",
        "rule",
        "MAC ratio",
        "median",
        "lowest to highest",
        "points below",
        "seeds with a setting",
        f"of these within {100 * DROP:.1f} points on test",
    )
    for title, against in (("plain", "plain"), ("trained as long", "as long")):
        records = [one for one in runs_of(wide, dataset, TAUGHT, FULL, LONG) if against in one["baselines"]]
        for rule in RULES if records else ():
            ratio, drop = ratios(records, rule, against=against), drops(records, rule, against)
            lines.append(
                row(
                    title,
                    rule,
                    mean_of(ratio, places=2),
                    f"{statistics.median(ratio):.2f}",
                    f"{min(ratio):.2f} to {max(ratio):.2f}",
                    mean_of(drop, 100, 2),
                    f"{len(drop)} of {len(records)}",
                    sum(value <= DROP for value in drop),
                )
            )
    return lines


def _points(drop: float) -> str:
    return f"{round(100 * drop, 2) + 0.0:.2f}"  # of -0.0 makes 0.0


def throughput(rows: Sequence[dict[str, Any]]) -> list[str]:
    """One line for each precision, batch and way of launching."""
    lines = head(
        "precision",
        "CUDA graphs",
        "batch",
        "plain, images a second",
        "compaction: speed-up (÷ MAC ratio)",
        "rebatching: speed-up (÷ MAC ratio)",
        "delay in batches, mean",
        "most",
    )
    of_each: dict[tuple[str, bool, int], dict[str, dict[str, Any]]] = {}
    for one in rows:
        of_each.setdefault((one["precision"], one["graphs"], one["batch"]), {})[one["way"]] = one
    for (precision, graphs, batch), ways in of_each.items():
        faster = [
            f"{ways[way]['speed_up']:.2f} ({ways[way]['of_mac_ratio']:.2f})" if way in ways else ""
            for way in ("compaction", "rebatching")
        ]
        delay = ways["rebatching"]["delay"]
        plain = f"{ways['plain']['images_a_second']:,}"
        lines.append(
            row(precision, "yes" if graphs else "no", batch, plain, *faster, f"{delay['mean']:.1f}", delay["max"])
        )
    return lines


def policies(summary: Summary, dataset: str, width: int) -> list[str]:
    records = runs_of(summary, dataset, TAUGHT, width)
    lines = head("rule", "accuracy at half the MACs", "MAC ratio", "all heads counted", "points below plain")
    for rule in RULES:
        lines.append(
            row(
                rule,
                _reached([one["rules"][rule]["at_half"] for one in records]),
                mean_of(ratios(records, rule), places=2) + without(records, rule),
                mean_of(ratios(records, rule, "mac_ratio_all_heads"), places=2),
                mean_of(drops(records, rule), 100, 2),
            )
        )
    return lines


def _reached(accuracies: Sequence[float | None]) -> str:
    """A mean accuracy in %, or that the rule cannot spend so little."""
    values = [value for value in accuracies if value is not None]
    return mean_of(values, 100) if len(values) == len(accuracies) else "cannot"


def narrower(summary: Summary, dataset: str) -> list[str]:
    """Smaller plain networks against early exit at the same MACs."""
    taught = {one["seed"]: one for one in runs_of(summary, dataset, TAUGHT)}
    full = next(iter(taught.values()))["exit_macs"][-1]
    lines = head(
        "plain network", "seeds", "share of the MACs", "its accuracy", "early exit there", "early exit less plain"
    )
    for recipe in ("plain", "plain again"):
        for width in (*NARROW, SMALL):
            records = [one for one in runs_of(summary, dataset, recipe, width) if one["seed"] in taught]
            if not records:
                continue
            share = records[0]["exit_macs"][-1] / full
            plain = [one["accuracies"]["test"][-1] for one in records]
            early = [_interpolated(taught[one["seed"]]["rules"]["vector"]["frontier"], share) for one in records]
            less = [ours - theirs for ours, theirs in zip(early, plain, strict=True) if ours is not None]
            lines.append(
                row(
                    f"{recipe}, width {width}",
                    len(records),
                    f"{share:.0%}",
                    mean_of(plain, 100),
                    _reached(early),
                    mean_of(less, 100) if len(less) == len(early) else "",
                )
            )
    return lines


def _interpolated(frontier: Sequence[float | None], share: float) -> float | None:
    """The accuracy there, on the line between its neighbours; None if the rule cannot spend so little."""
    known = [(x, y) for x, y in zip(SHARES, frontier, strict=True) if y is not None]
    return None if share < known[0][0] else float(np.interp(share, *zip(*known, strict=True)))


def risk(summary: Summary) -> list[str]:
    lines = head("data set", "choice", "draws that held", "mean risk", "MAC ratio")
    for dataset in DATASETS:
        records = runs_of(summary, dataset, TAUGHT)
        for choice in ("tested", "in expectation", "naive"):
            fates = [one["risk"][choice] for one in records]
            lines.append(
                row(
                    dataset,
                    choice,
                    f"{min(fate['held'] for fate in fates):.1%} to {max(fate['held'] for fate in fates):.1%}",
                    mean_of((fate["risk"] for fate in fates), 100, 2) + " %",
                    mean_of((fate["mac_ratio"] for fate in fates), places=2),
                )
            )
    return lines


def clock(rows: Sequence[dict[str, Any]]) -> list[str]:
    lines = head("run", "way", "threads", "batch", "MAC ratio", "speed-up", "÷ MAC ratio", "stages would allow")
    for one in rows:
        lines.append(
            row(
                one["run"],
                one["way"],
                one["threads"],
                one["batch"],
                f"{one['mac_ratio']:.2f}",
                f"{one['speed_up']:.2f} ({one['quartiles'][0]:.2f} to {one['quartiles'][1]:.2f})",
                f"{one['of_mac_ratio']:.2f}",
                f"{one['stages_allow']:.2f}",
            )
        )
    return lines


def training_speed(rows: Sequence[dict[str, Any]]) -> list[str]:
    lines = head("run", "batch", "steps compared", "plain ÷ fast", "largest gap of the curves", "another order's gap")
    for one in rows:
        speed = f"{one['speed_up']:.2f} ({one['quartiles'][0]:.2f} to {one['quartiles'][1]:.2f})"
        lines.append(
            row(
                one["run"],
                one["batch"],
                one["steps"],
                speed,
                *(f"{one[key]:.1%}" if one[key] is not None else "too few steps" for key in ("gap", "other_order")),
            )
        )
    return lines


def controls(result: dict[str, dict[str, Any]], dataset: str) -> list[str]:
    records = [result[name] for seed in SEEDS if (name := Run(dataset, TAUGHT, seed).name) in result]
    lines = head("", "exit 0", "exit 1", "exit 2", "exit 3")
    lines.append(row("images", *(mean_of(values, places=0) for values in _columns(records, "images"))))
    lines.append(row("right, %", *(mean_of(values, 100) for values in _columns(records, "accuracy"))))
    lines.append(row("prediction depth", *(mean_of(values, places=2) for values in _columns(records, "depth"))))
    lines.append(row("probe after that stage right, %", *(mean_of(v, 100) for v in _columns(records, "probes"))))
    lines += [
        "",
        f"Rank correlation of exit and prediction depth: {mean_of((r['depth_and_exit'] for r in records), places=2)}.",
    ]
    factors = records[0]["factors_and_exit"]
    if factors:
        lines += ["", *head("factor", "with the exit", "with the prediction depth")]
        for name in factors:
            pair = (
                mean_of((r[key][name] for r in records), places=2) for key in ("factors_and_exit", "factors_and_depth")
            )
            lines.append(row(name, *pair))
    return lines


def _machine(machine: dict[str, Any]) -> str:
    """What computed, in words."""
    processor = machine.get("gpu") or f"{machine['processor']}, {machine['threads']} thread(s)"
    precision = [machine["precision"]] if "precision" in machine else []
    return ", ".join([processor, *precision, f"torch {machine['torch']}"])


def _columns(records: Sequence[dict[str, Any]], key: str) -> list[list[float]]:
    return [[value for value in column if value is not None] for column in zip(*(r[key] for r in records), strict=True)]


def bars(
    summary: Summary,
    clock_rows: Sequence[dict[str, Any]],
    speed_rows: Sequence[dict[str, Any]],
    wide: Summary,
    throughputs: dict[str, dict[str, Any]],
) -> list[str]:
    """What the study set out to show, and what it found."""
    lines = head("figure", "bar", "found", "")
    for dataset, bar in (("shapes", 2.0), ("fashion-mnist", 1.8)):
        for width in (SMALL, FULL):
            records = runs_of(summary, dataset, TAUGHT, width)
            lines += _ratio_bar(records, "plain", f"plain, {dataset}, width {width}", bar)
            lines += _ratio_bar(records, "as long", f"plain trained as long, {dataset}, width {width}", bar)
    for dataset, bar in (("shapes", 2.3), ("fashion-mnist", 3.0)):
        records, size = runs_of(wide, dataset, TAUGHT, FULL, LONG), f"width {FULL}, {LONG} epochs"
        lines += _ratio_bar(records, "plain", f"plain, {dataset}, {size}", bar)
        lines += _ratio_bar(records, "as long", f"plain trained as long, {dataset}, {size}", bar)
    for dataset in DATASETS:
        gain = per_sample_gain(runs_of(summary, dataset, TAUGHT))
        lines.append(
            row(
                f"each image for itself less batch mean, half the MACs, {dataset}",
                "> 2 points",
                mean_of(gain, 100),
                _met(statistics.mean(gain) > 0.02),
            )
        )
    for one in clock_rows:
        if one["batch"] == 128:
            lines.append(
                row(
                    f"speed-up ÷ MAC ratio, batch 128, {one['run']}, {one['way']}, {one['threads']} thread(s)",
                    "≥ 0.85",
                    f"{one['of_mac_ratio']:.2f}",
                    _met(one["of_mac_ratio"] >= 0.85),
                )
            )
    for name, result in throughputs.items():
        where, bar = DEVICES[name]
        for one in result["rows"]:
            if one["way"] == "rebatching" and one["batch"] == 128:
                graphs = ", CUDA graphs" if one["graphs"] else ""
                lines.append(
                    row(
                        f"speed-up ÷ MAC ratio, batch 128, width {FULL}, rebatched {where}, {one['precision']}{graphs}",
                        f"≥ {bar}",
                        f"{one['of_mac_ratio']:.2f}",
                        _met(one["of_mac_ratio"] >= bar),
                    )
                )
    for one in speed_rows:
        lines.append(
            row(
                f"a training step, plain ÷ fast, {one['run']}, batch {one['batch']}",
                "≥ 2",
                f"{one['speed_up']:.2f}",
                _met(one["speed_up"] >= 2),
            )
        )
    held = min(one["risk"]["tested"]["held"] for d in DATASETS for one in runs_of(summary, d, TAUGHT))
    lines.append(row("risk-controlled threshold holds", "≥ 95 % of draws", f"{held:.1%} at worst", _met(held >= 0.95)))
    return lines


def _ratio_bar(records: Sequence[dict[str, Any]], against: str, title: str, bar: float) -> list[str]:
    """The MAC ratio at half a point below a baseline, of the runs that have one."""
    records = [one for one in records if against in one["rules"]["vector"]["chosen"]]
    if not records:
        return []
    ratio, drop = ratios(records, "vector", against=against), drops(records, "vector", against)
    met = statistics.mean(ratio) >= bar and bool(drop) and statistics.mean(drop) <= DROP
    return [
        row(
            f"MAC ratio at ≤ {100 * DROP:.1f} points below {title}",
            f"≥ {bar}",
            f"{mean_of(ratio, places=2)}, {mean_of(drop, 100, 2)} below",
            _met(met),
        )
    ]


def _met(met: bool) -> str:
    return "met" if met else "**missed**"


def facts(folder: Path = RESULTS) -> list[str]:
    """The table that README shows of the results, line by line."""
    summary: Summary = stored("summary", folder)
    small = [runs_of(summary, dataset, TAUGHT) for dataset in DATASETS]
    full = [runs_of(summary, dataset, TAUGHT, FULL) for dataset in DATASETS]
    wide: Summary = stored_if_any("wide", folder)
    longer = [
        [one for one in runs_of(wide, dataset, TAUGHT, FULL, LONG) if "as long" in one["baselines"]]
        for dataset in DATASETS
    ]
    on_a_gpu = [
        one
        for one in stored_if_any("throughput-cuda", folder).get("rows", [])
        if (one["way"], one["precision"], one["batch"], one["graphs"]) == ("rebatching", "float32", 128, True)
    ]

    def of_each(records: Sequence[Sequence[dict[str, Any]]], against: str) -> list[str]:
        return [
            f"{mean_of(ratios(one, 'vector', against=against), places=2)} times fewer MACs, "
            f"{mean_of(drops(one, 'vector', against), 100, 2)} points lower{without(one, 'vector', against)}"
            for one in records
        ]

    gain = [f"{mean_of(per_sample_gain(records), 100)} points" for records in small]
    (clocked,) = (
        one
        for one in stored("clock", folder)["rows"]
        if (one["run"], one["way"], one["batch"], one["threads"])
        == (Run("shapes", TAUGHT, 1, FULL).name, "tuned", 128, 2)
    )
    return [
        *head("measured on test", *DATASETS),
        row(f"width {SMALL}, {len(small[0])} seeds, next to the plain network", *of_each(small, "plain")),
        row("the same next to a plain network trained as long", *of_each(small, "as long")),
        row(f"width {FULL}, one run, next to the plain network", *of_each(full, "plain")),
        *(
            row(f"width {FULL}, {LONG} epochs, {len(longer[0])} seeds, next to {title}", *of_each(longer, against))
            for title, against in (("the plain network", "plain"), ("one trained as long", "as long"))
            if all(longer)
        ),
        row("entropy, each image for itself less the batch's mean, at half the MACs", *gain),
        row(
            f"seconds at half the MACs, width {FULL}, batches of 128, both sides tuned, two threads",
            _faster(clocked),
            "not timed",
        ),
        *(
            row(f"images a second on a GPU, width {FULL}, batches of 128, rebatched", _faster(one), "not timed")
            for one in on_a_gpu
        ),
    ]


def _faster(timed: dict[str, Any]) -> str:
    return f"{timed['speed_up']:.2f} times faster with {timed['mac_ratio']:.2f} times fewer MACs"


def page(folder: Path = RESULTS) -> str:
    """The whole page."""
    summary: Summary = stored("summary", folder)
    times, speed, depths = (stored(name, folder) for name in ("clock", "speed", "controls"))
    wide: Summary = stored_if_any("wide", folder)
    throughputs = {name: result for name in DEVICES if (result := stored_if_any(f"throughput-{name}", folder))}
    whole, early = homework_totals()
    of_each = {dataset: runs_of(summary, dataset, TAUGHT) for dataset in DATASETS}
    template = jinja2.Template(TEMPLATE.read_text(), keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    return template.render(
        drop=f"{100 * DROP:.1f}",
        kept_back=f"{100 * KEPT_BACK:.2f}",
        bars=text(bars(summary, times["rows"], speed["rows"], wide, throughputs)),
        what_was_run=text(what_was_run(summary)),
        machine=next(iter(summary.values()))["machine"],
        vectors=f"{(LEVELS + 1) ** 3:,}",
        full=FULL,
        small=SMALL,
        taught=TAUGHT,
        seed_beside_ours=text(seed_beside_ours(summary)),
        homework_whole=f"{whole:,}",
        homework_early=f"{early:,}",
        policies=[
            (f"{dataset}, width {width}", text(policies(summary, dataset, width)))
            for dataset in DATASETS
            for width in (SMALL, FULL)
            if runs_of(summary, dataset, TAUGHT, width)
        ],
        gains={dataset: mean_of(per_sample_gain(records), 100) for dataset, records in of_each.items()},
        replay={
            "thresholds": f"{times['replay']['thresholds']:,}",
            "images": f"{times['replay']['images']:,}",
            "share": f"{times['replay']['share']:.1%}",
        },
        recipes_=RECIPES,
        recipe_tables={dataset: text(recipes(summary, dataset)) for dataset in DATASETS},
        long=LONG,
        wide=[
            (
                dataset,
                text(recipes(wide, dataset, FULL, LONG)),
                text(by_rule(wide, dataset)),
                text(by_seed(wide, dataset)),
            )
            for dataset in DATASETS
            if runs_of(wide, dataset, TAUGHT, FULL, LONG)
        ],
        wide_seeds=len({one["seed"] for one in wide.values()}),
        wide_machines=sorted({_machine(one["machine"]) for one in wide.values()}),
        on_a_gpu="cuda" in throughputs,
        throughputs=[
            (DEVICES[name][0], _machine(result["machine"]), result, text(throughput(result["rows"])))
            for name, result in throughputs.items()
        ],
        narrower={dataset: text(narrower(summary, dataset)) for dataset in DATASETS},
        risk_n=f"{RISK['n']:,}",
        risk_epsilon=f"{100 * RISK['epsilon']:.0f}",
        risk_held=f"{100 * (1 - RISK['delta']):.0f}",
        risk=text(risk(summary)),
        clock=text(clock(times["rows"])),
        controls={dataset: text(controls(depths, dataset)) for dataset in DATASETS},
        training_speed=text(training_speed(speed["rows"])),
    )

"""The page of the stored results: `numbers.md`, whose prose is in `numbers.md.j2` and whose tables are in `tables`."""

from pathlib import Path
from typing import Any

import jinja2

from study import tables
from study.bars import DEVICES, bars
from study.markdown import mean_of
from study.policies import LEVELS
from study.replay import DROP, KEPT_BACK, RISK
from study.results import Summary, per_sample_gain, runs_of, stored, stored_if_any
from study.runs import DATASETS, FULL, LONG, RECIPES, RESULTS, SMALL, TAUGHT

TEMPLATE = Path(__file__).with_name("numbers.md.j2")
PAGE = RESULTS.parents[1] / "numbers.md"


def page(folder: Path = RESULTS) -> str:
    """The whole page."""
    summary: Summary = stored("summary", folder)
    times, speed, depths = (stored(name, folder) for name in ("clock", "speed", "controls"))
    wide: Summary = stored_if_any("wide", folder)
    throughputs = {name: result for name in DEVICES if (result := stored_if_any(f"throughput-{name}", folder))}
    whole, early = tables.homework_totals()
    of_each = {dataset: runs_of(summary, dataset, TAUGHT) for dataset in DATASETS}
    template = jinja2.Template(TEMPLATE.read_text(), keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    return template.render(
        drop=f"{100 * DROP:.1f}",
        kept_back=f"{100 * KEPT_BACK:.2f}",
        bars=bars(summary, times["rows"], speed["rows"], wide, throughputs),
        what_was_run=tables.what_was_run(summary),
        machine=next(iter(summary.values()))["machine"],
        vectors=f"{(LEVELS + 1) ** 3:,}",
        full=FULL,
        small=SMALL,
        taught=TAUGHT,
        seed_beside_ours=tables.seed_beside_ours(summary),
        homework_whole=f"{whole:,}",
        homework_early=f"{early:,}",
        policies=[
            (f"{dataset}, width {width}", tables.policies(summary, dataset, width))
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
        recipe_tables={dataset: tables.recipes(summary, dataset) for dataset in DATASETS},
        long=LONG,
        wide=[
            (
                dataset,
                tables.recipes(wide, dataset, FULL, LONG),
                tables.by_rule(wide, dataset),
                tables.by_seed(wide, dataset),
            )
            for dataset in DATASETS
            if runs_of(wide, dataset, TAUGHT, FULL, LONG)
        ],
        wide_seeds=len({one["seed"] for one in wide.values()}),
        wide_machines=sorted({_machine(one["machine"]) for one in wide.values()}),
        streamed_on=set(throughputs),
        throughputs=[
            (DEVICES[name][0], _machine(result["machine"]), result, tables.throughput(result["rows"]))
            for name, result in throughputs.items()
        ],
        narrower={dataset: tables.narrower(summary, dataset) for dataset in DATASETS},
        risk_n=f"{RISK['n']:,}",
        risk_epsilon=f"{100 * RISK['epsilon']:.0f}",
        risk_held=f"{100 * (1 - RISK['delta']):.0f}",
        risk=tables.risk(summary),
        clock=tables.clock(times["rows"]),
        controls={dataset: tables.controls(depths, dataset) for dataset in DATASETS},
        training_speed=tables.training_speed(speed["rows"]),
    )


def _machine(machine: dict[str, Any]) -> str:
    """What computed, in words."""
    processor = machine.get("gpu") or f"{machine['processor']}, {machine['threads']} thread(s)"
    precision = [machine["precision"]] if "precision" in machine else []
    return ", ".join([processor, *precision, f"torch {machine['torch']}"])

"""The table that README shows of the results: one test holds README to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from study.markdown import mean_of, table
from study.results import Summary, drops, per_sample_gain, ratios, runs_of, stored, stored_if_any
from study.runs import DATASETS, FULL, LONG, RESULTS, SMALL, TAUGHT, Run
from study.tables import trained_as_long, without


def facts(folder: Path = RESULTS) -> str:
    """The table, from the results in a folder."""
    summary: Summary = stored("summary", folder)
    small = [runs_of(summary, dataset, TAUGHT) for dataset in DATASETS]
    full = [runs_of(summary, dataset, TAUGHT, FULL) for dataset in DATASETS]
    wide: Summary = stored_if_any("wide", folder)
    longer = [trained_as_long(wide, dataset) for dataset in DATASETS]
    (clocked,) = (
        one
        for one in stored("clock", folder)["rows"]
        if (one["run"], one["way"], one["batch"], one["threads"])
        == (Run("shapes", TAUGHT, 1, FULL).name, "tuned", 128, 2)
    )
    of_longer = f"width {FULL}, {LONG} epochs, {len(longer[0])} seeds, next to"
    of_batches = f"width {FULL}, batches of 128"
    rows: list[Sequence[str]] = [
        (f"width {SMALL}, {len(small[0])} seeds, next to the plain network", *_saved(small, "plain")),
        ("the same next to a plain network trained as long", *_saved(small, "as long")),
        (f"width {FULL}, one run, next to the plain network", *_saved(full, "plain")),
    ]
    if all(longer):
        rows.append((f"{of_longer} the plain network", *_saved(longer, "plain")))
        rows.append((f"{of_longer} one trained as long", *_saved(longer, "as long")))
    gain = [f"{mean_of(per_sample_gain(records), 100)} points" for records in small]
    rows.append(("entropy, each image for itself less the batch's mean, at half the MACs", *gain))
    rows.append(
        (f"seconds at half the MACs, {of_batches}, both sides tuned, two threads", _faster(clocked), "not timed")
    )
    for one in stored_if_any("throughput-cuda", folder).get("rows", []):
        if (one["way"], one["precision"], one["batch"], one["graphs"]) == ("rebatching", "float32", 128, True):
            rows.append((f"images a second on a GPU, {of_batches}, rebatched", _faster(one), "not timed"))
    return table(" | ".join(["measured on test", *DATASETS]), rows)


def _saved(of_each: Sequence[Sequence[dict[str, Any]]], against: str) -> list[str]:
    """What the records of each data set save next to a baseline, and give up for it."""
    return [
        f"{mean_of(ratios(records, 'vector', against=against), places=2)} times fewer MACs, "
        f"{mean_of(drops(records, 'vector', against), 100, 2)} points lower{without(records, 'vector', against)}"
        for records in of_each
    ]


def _faster(timed: dict[str, Any]) -> str:
    return f"{timed['speed_up']:.2f} times faster with {timed['mac_ratio']:.2f} times fewer MACs"

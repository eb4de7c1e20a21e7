"""Where the time of grading one submission goes on this machine: medians over a few runs of the solutions notebook.

    make bench

Prints shares of the whole, not only seconds: the machine is noisy, the shares are not.
"""

import statistics
import tempfile
import time
from pathlib import Path, PurePosixPath

from autograder.config import find_course, load_settings
from autograder.execute import run_notebook
from autograder.intake.find import Found
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import rebuild
from autograder.judge.expected import cases_of, group
from autograder.judge.plugin import judge
from autograder.pipeline import grade_one, prepare
from autograder.records.gradebook import record

RUNS = 3


def main() -> None:
    """Grade the solutions a few times and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(find_course(Path(__file__).resolve().parent), Path(folder))
        begin = time.perf_counter()
        course = prepare(settings, seed=1)
        print(f"once a class: release, gradebook and solutions {time.perf_counter() - begin:.1f} s")
        source = settings.solutions_notebook
        found = Found("bench", source.parent, (PurePosixPath(source.name),))
        graded = grade_one(found, course)
        stages: dict[str, list[float]] = {}
        for _ in range(RUNS):
            marks = [time.perf_counter()]
            rebuilt = rebuild(parse_notebook(found.read(settings.limits.file_bytes), "bench"), course.master)
            marks.append(time.perf_counter())
            run = run_notebook(rebuilt, cases_of(course.points), course.seed, settings)
            marks.append(time.perf_counter())
            judge(group(cases_of(course.points), run.evidence), course.key, course.points)
            marks.append(time.perf_counter())
            record(graded, course)
            marks.append(time.perf_counter())
            for name, start, end in zip(("intake", "box", "judge", "record"), marks, marks[1:], strict=False):
                stages.setdefault(name, []).append(end - start)
    medians = {name: statistics.median(times) for name, times in stages.items()}
    total = sum(medians.values())
    for name, median in medians.items():
        print(f"{name:<8}{median:>8.3f} s{median / total:>7.1%}")
    print(f"{'all':<8}{total:>8.3f} s   median of {RUNS} runs, {graded.grade.verdict}, {graded.grade.score} points")


if __name__ == "__main__":
    main()

"""Measures what grading costs on this machine, next to stock nbgrader and otter, and where the time goes.

    make bench                              a class of 6; minutes
    make bench CLASS=30 OTHERS=3 ROUNDS=3   the published figures; on two cores half an hour

Every notebook is the solutions notebook with a comment of its own in each answer: distinct, and equally much work. Each
round grades with all three graders one after the other, and their ratio is the round's. Shown is the median of rounds,
because the machine is noisy. CPU seconds are those of the whole machine, so nothing else should run meanwhile. How the
cost besides the notebooks grows is measured with classes whose stored runs are the solution's, as after an edit.
"""

import argparse
import contextlib
import copy
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from autograder.assignments.assignment import IN_A_COURSE
from autograder.box.box import Box
from autograder.box.run_once import printed, printed_in_a_box
from autograder.box.template import Template
from autograder.config import MIB, Settings, load_settings
from autograder.course import Course, Observed
from autograder.grading import judge_one
from autograder.intake.needed import plan
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import rebuild
from autograder.keys import run_key, stored_key
from autograder.records.gradebook import Records
from autograder.release import release_text
from autograder.runs import Runs
from autograder.session import Session, is_run, is_silent
from autograder.workspace import basis_of

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from rubric import write_class  # noqa: E402
from sample_class import RELEASE, SOLUTION, build_notebook, solution_cells  # noqa: E402
from small_course import make_course, prepared_with, right_answers, submission  # noqa: E402

from rivals import Otter, StockNbgrader  # noqa: E402

SIZES = (10, 30, 100, 300)
PICTURE = ROOT / "grading" / "bench_growth.png"
SEED = 1
CELLS = ("as nbclient runs them", "without drawing again")
WITHIN = (  # the stages of one box
    (Box, "__init__"),
    (Session, "_run_cells"),
    (Session, "_observe"),
    (Box, "end"),
)
LIGHT = "import torch\n\nprint(torch.arange(3.0).sum())"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--class", type=int, default=6, dest="size", help="notebooks that ours grades")
    parser.add_argument("--others", type=int, default=2, help="of these, notebooks that each other grader grades")
    parser.add_argument("--rounds", type=int, default=1)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        settings = load_settings(ROOT, folder / "ws", "early_exit")
        print(f"kernel ready, with torch imported: {_ready(settings):.2f} s\n", flush=True)
        _stages(folder, settings)
        _paired(folder, settings, words.size, words.others, words.rounds)
        _light(folder, words.size, words.others, words.rounds)
        _growth(folder, settings)


def _paired(folder: Path, settings: Settings, size: int, others: int, rounds: int) -> None:
    """Ours and the others in turn, with nothing kept from before.

    What the cells alone cost is measured in each round, because it differs from hour to hour as much as all else: as
    a plain nbclient runs them, and without drawing what was handed in drawn, which ours does not do again.
    """
    handed_in = _class(folder / f"class-{size}", size)
    some = sorted(handed_in.glob("*.ipynb"))[:others]
    rivals = {"stock nbgrader": StockNbgrader(folder / "stock"), "otter run": Otter(folder / "otter")}
    measured: dict[str, list[float]] = {}

    def note(**values: float) -> None:
        for name, value in values.items():
            measured.setdefault(name, []).append(value)

    for _ in range(rounds):
        drawn, undrawn, hidden = _work_of_one(settings)
        shutil.rmtree(settings.workspace, ignore_errors=True)
        ours = _watched(handed_in, settings)
        note(hidden=hidden, wall=ours["wall"], each=ours["wall"] / size, memory=ours["memory"] / MIB)
        for how, cells in zip(CELLS, (drawn, undrawn), strict=True):
            over = ours["wall"] * settings.jobs / (size * cells)
            note(**{f"cells {how}": cells, f"over {how}": over, f"besides {how}": ours["cpu"] / size - cells})
        note(again=_watched(handed_in, settings)["wall"])
        for name, rival in rivals.items():
            seconds = rival.grade(some) / others
            note(**{name: seconds, f"{name}, times ours": seconds / measured["each"][-1]})
    median = {name: statistics.median(values) for name, values in measured.items()}
    print(f"{size} distinct notebooks, {settings.jobs} at a time, nothing kept from before; median of {rounds}")
    print(f"  the class                                {median['wall']:8.1f} s")
    print(f"  a notebook                               {median['each']:8.2f} s")
    for name in rivals:
        times = f"{name}, times ours"
        print(f"  {f'{name} (of {others}), a notebook':<40} {median[name]:8.2f} s, "
              f"{median[times]:.1f} times ours ({_listed(measured[times])})")  # fmt: skip
    for how in CELLS:
        cells, over, besides = (measured[f"{what} {how}"] for what in ("cells", "over", "besides"))
        print(f"  cells {how:<28} {'':>6} {statistics.median(cells):6.2f} CPU s a notebook ({_listed(cells)})")
        print(f"    wall over (their CPU / cores)          {statistics.median(over):8.2f} ({_listed(over)})")
        print(f"    CPU besides them, start and all        {statistics.median(besides):8.2f} s ({_listed(besides)})")
    print(f"  of the CPU besides cells, hidden calls   {median['hidden']:8.2f} s")
    print(f"  most memory of grader and boxes          {median['memory']:8.0f} MiB")
    print(f"  the same class again                     {median['again']:8.2f} s\n", flush=True)


def _light(folder: Path, size: int, others: int, rounds: int) -> None:
    """A notebook that imports torch and computes next to nothing, ours and stock nbgrader in turn.

    The lesson's cells compute for seconds whoever runs them; here is what the graders themselves cost.
    """
    course = make_course(folder / "light", setup=LIGHT)
    about = course / IN_A_COURSE / "small" / "assignment.toml"
    about.write_text('preload = ["torch"]\n' + about.read_text())
    settings = load_settings(course, folder / "light-ws")
    answers, released = right_answers(), json.loads(release_text(settings))
    handed_in = folder / "light-class"
    handed_in.mkdir()
    for number in range(size):
        own = {task: f"{source}\n# student {number}" for task, source in answers.items()}
        (handed_in / f"student-{number:04d}.ipynb").write_bytes(submission(released, **own))
    rival = StockNbgrader(folder / "light-stock", settings.solutions_notebook)
    ours, stock = [], []
    for _ in range(rounds):
        shutil.rmtree(settings.workspace, ignore_errors=True)
        ours.append(_watched(handed_in, settings)["wall"] / size)
        stock.append(rival.grade(sorted(handed_in.glob("*.ipynb"))[:others]) / others)
    faster = [theirs / own for theirs, own in zip(stock, ours, strict=True)]
    print(f"{size} light notebooks, {settings.jobs} at a time: {statistics.median(ours):.2f} s a notebook;")
    print(f"  stock nbgrader {statistics.median(stock):.2f} s, {statistics.median(faster):.1f} times ours", end=" ")
    print(f"({_listed(faster)})\n", flush=True)


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _stages(folder: Path, settings: Settings) -> None:
    """Seconds of one notebook in each stage of its way, one box at a time; medians over a few notebooks."""
    settings = replace(settings, workspace=folder / "stages", jobs=1)
    course = prepared_with(settings, SEED)
    records, runner = Records(course), course.runner
    taken: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        for owner, name in WITHIN:
            stack.enter_context(_timed(owner, name, taken))
        for file in sorted(_class(folder / "class-stages", 4).glob("*.ipynb"))[1:]:
            marks = [time.perf_counter()]
            data = file.read_bytes()
            rebuilt = rebuild(parse_notebook(data, file.stem), course.master)
            marks.append(time.perf_counter())
            _, run = runner.run(rebuilt, course.cases, SEED)
            between = time.perf_counter()
            graded = judge_one(Observed(file.stem, run.verdict, original=data, rebuilt=rebuilt, run=run), course)
            marks += [between, time.perf_counter()]
            records.add(graded)
            marks.append(time.perf_counter())
            for name, start, end in zip(("intake", "box", "judge", "record"), marks, marks[1:], strict=False):
                taken.setdefault(name, []).append(end - start)
    for one in (records, runner):
        one.close()
    medians = {name: statistics.median(times) for name, times in taken.items()}
    within = [name for _, name in WITHIN]
    medians["box: keep"] = medians.pop("box") - sum(medians[name] for name in within)
    titles = dict(zip(within, ("box: start", "box: cells", "box: hidden calls", "box: end"), strict=True))
    total = sum(medians.values())
    order = ["intake", *within, "box: keep", "judge", "record"]
    for name in order:
        print(f"  {titles.get(name, name):<20}{medians[name]:8.3f} s{medians[name] / total:7.1%}")
    print(f"  {'one after the other':<20}{total:8.3f} s\n", flush=True)


@contextlib.contextmanager
def _timed(owner: type, name: str, taken: dict[str, list[float]]) -> Iterator[None]:
    """Note how long each call of a method takes, in the list of its name."""
    real = getattr(owner, name)

    def timed(*words: Any, **more: Any) -> Any:
        begin = time.perf_counter()
        try:
            return real(*words, **more)
        finally:
            taken.setdefault(name, []).append(time.perf_counter() - begin)

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, real)


def _work_of_one(settings: Settings) -> tuple[float, float, float]:
    """CPU seconds of the solution's cells, of them without drawing what is drawn already, and of the hidden calls.

    As many boxes do the same side by side as a class has, because they share caches and memory; given is the mean.
    """
    course = prepared_with(settings, SEED)
    rebuilt = rebuild(parse_notebook(SOLUTION.read_bytes(), "bench"), course.master)
    cells = [(cell.source, is_silent(cell)) for cell in rebuilt.cells if is_run(cell)]
    calls = "from inside.observe import observe\n" + "\n".join(
        f"observe({task!r}, {case!r}, {SEED})" for task, case in course.cases
    )

    def session(template: Template, drawing: bool) -> tuple[float, float]:
        with Box(settings, template) as box:

            def processor_time() -> float:
                return float(printed(box, "import time; print(time.process_time())", settings.limits.wall_s))

            begin = processor_time()
            for at, (source, silent) in enumerate(cells, start=1):
                box.send({"at": at, "source": source, "silent": silent and not drawing, "hidden": False}, 5)
                box.receive(settings.limits.wall_s)
            middle = processor_time()
            printed(box, calls, settings.limits.wall_s)
            return middle - begin, processor_time() - middle

    def side_by_side(drawing: bool) -> tuple[float, float]:
        with ThreadPoolExecutor(len(templates)) as pool:
            each = list(pool.map(lambda template: session(template, drawing), templates))
        cells, hidden = zip(*each, strict=True)
        return statistics.mean(cells), statistics.mean(hidden)

    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.closing(course.runner))
        templates = [stack.enter_context(contextlib.closing(Template(settings))) for _ in range(settings.jobs)]
        (drawn, hidden), (undrawn, _) = (side_by_side(drawing) for drawing in (True, False))
    return drawn, undrawn, hidden


def _ready(settings: Settings) -> float:
    """Seconds from nothing but a template to the first answer of a kernel with torch imported; median of five."""
    template = Template(settings)
    taken = []
    try:
        for _ in range(5):
            begin = time.perf_counter()
            assert printed_in_a_box("import torch; print(torch.__version__)", settings, template)
            taken.append(time.perf_counter() - begin)
    finally:
        template.close()
    return statistics.median(taken)


def _watched(handed_in: Path, settings: Settings) -> dict[str, float]:
    """One `autograder grade`: wall seconds, CPU seconds of the machine, most proportional memory of the tree."""
    command = [Path(sys.executable).parent / "autograder", "grade", handed_in, "--seed", SEED]
    command += ["--workspace", settings.workspace, "--course", settings.course]
    before, begin = _busy(), time.perf_counter()
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as grader:
        most, own = [0], [0]
        watcher = threading.Thread(target=_watch, args=(grader, most, own), daemon=True)
        watcher.start()
        assert grader.stdout is not None
        said = grader.stdout.read()
    wall = time.perf_counter() - begin
    if grader.returncode:
        sys.exit(f"The grader failed:\n{said}")
    watcher.join()
    return {"wall": wall, "cpu": _busy() - before, "memory": most[0], "own": own[0]}


def _watch(grader: "subprocess.Popen[str]", most: list[int], own: list[int]) -> None:
    while grader.poll() is None:
        try:
            process = psutil.Process(grader.pid)
            own[0] = max(own[0], process.memory_full_info().pss)
            tree = [process, *process.children(recursive=True)]
            most[0] = max(most[0], sum(one.memory_full_info().pss for one in tree))
        except (psutil.Error, OSError):
            continue
        time.sleep(0.5)


def _busy() -> float:
    times = psutil.cpu_times()
    return times.user + times.system


def _growth(folder: Path, settings: Settings) -> None:
    """What a class costs besides its notebooks, when all are judged again, and when nothing changed."""
    print(f"{'class':>6}{'judged again':>14}{'a notebook':>12}{'unchanged':>12}{'grader itself':>15}")
    rows = []
    for size in SIZES:
        workspace = folder / f"ws-{size}"
        course = prepared_with(replace(settings, workspace=workspace), SEED)
        handed_in = _class(folder / f"class-{size}", size)
        _pretend_run(handed_in, course)
        course.runner.close()
        again = _watched(handed_in, course.settings)
        unchanged = _watched(handed_in, course.settings)
        rows.append((size, again["wall"], unchanged["wall"]))
        print(f"{size:>6}{again['wall']:>12.1f} s{again['wall'] / size:>10.3f} s{unchanged['wall']:>10.2f} s"
              f"{again['own'] / MIB:>11.0f} MiB", flush=True)  # fmt: skip
    _draw(rows)


def _pretend_run(handed_in: Path, course: Course) -> None:
    """Store the solution's run under the key of every notebook's."""
    runs = Runs(course.settings.workspace)
    surroundings = basis_of(course.settings, SEED).surroundings
    solution = rebuild(parse_notebook(SOLUTION.read_bytes(), "bench"), course.master)
    _, run = course.runner.run(solution, course.cases, SEED)
    for file in handed_in.glob("*.ipynb"):
        rebuilt = rebuild(parse_notebook(file.read_bytes(), file.stem), course.master)
        key = run_key(rebuilt, course.cases, SEED, surroundings)
        silent, left_out = [is_silent(cell) for cell in rebuilt.cells], plan(rebuilt.cells, whole=False).left_out
        runs.save(stored_key(key, silent, left_out, explain=False), run)


def _class(folder: Path, size: int) -> Path:
    """Notebooks as they are handed in, with outputs: answers of the catalogue, right and wrong, in turn.

    A notebook of the catalogue answers every other task wrong. The first of the class is the solutions notebook.
    """
    solution = json.loads(SOLUTION.read_text())
    outputs = {cell["id"]: cell.get("outputs") for cell in solution["cells"]}
    with tempfile.TemporaryDirectory() as name:
        write_class(Path(name))
        mixed = [json.loads(file.read_text()) for file in sorted(Path(name).glob("*.ipynb"))]
    mixed = [build_notebook("solution", solution, json.loads(RELEASE.read_text())), *mixed]
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(size):
        # Classes smaller than the catalogue take some of its notebooks from everywhere, larger ones all of them again.
        notebook = copy.deepcopy(mixed[number * max(len(mixed) // size, 1) % len(mixed)])
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"] = outputs.get(cell["id"]) or []
        for cell in solution_cells(notebook).values():
            if cell["cell_type"] == "code":
                cell["source"] = "".join(cell["source"]) + f"\n# student {number}"
        (folder / f"student-{number:04d}.ipynb").write_text(json.dumps(notebook))
    return folder


def _draw(rows: list[tuple[int, float, float]]) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    sizes, again, unchanged = zip(*rows, strict=True)
    axes.plot(sizes, again, "o-", color="0.1", label="every notebook judged again")
    axes.plot(sizes, unchanged, "s--", color="0.5", label="nothing changed")
    axes.set(xlabel="submissions", ylabel="seconds", title="What a class costs besides running its notebooks")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=120)
    print(f"drawn: {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

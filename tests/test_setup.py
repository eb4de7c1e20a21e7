"""What `make setup` says where pip cannot install what constraints.txt pins. Needs no package index."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}"
# Builds the metadata of a project that needs one package, without setuptools, which pip would have to download.
BACKEND = f"""
from pathlib import Path

def prepare_metadata_for_build_editable(folder, config_settings=None):
    made = Path(folder) / "course-1.dist-info"
    made.mkdir()
    made.joinpath("METADATA").write_text({METADATA.format(name="course", version=1, more="Requires-Dist: soup")!r})
    return made.name

def build_editable(*_, **__):
    raise NotImplementedError
"""


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path) -> Path:
    """Our Makefile with a project that needs ``soup``, whose pinned release is for a later Python."""
    folder, index = tmp_path / "checkout", tmp_path / "index" / "soup"
    folder.mkdir()
    index.mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (folder / "constraints.txt").write_text("soup==1.1\n")
    for version in ("1.0", "1.1"):
        with zipfile.ZipFile(index / f"soup-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"soup-{version}.dist-info/METADATA", METADATA.format(name="soup", version=version, more=""))
            wheel.writestr(f"soup-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
    (index / "index.html").write_text(
        '<a href="soup-1.0-py3-none-any.whl">soup-1.0-py3-none-any.whl</a>'
        '<a href="soup-1.1-py3-none-any.whl" data-requires-python="&gt;=3.99">soup-1.1-py3-none-any.whl</a>'
    )
    return folder


@pytest.mark.slow
def test_when_a_pin_has_no_release_for_this_python_then_setup_says_what_to_do(checkout: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PIP_INDEX_URL": f"file://{checkout.parent}/index"}
    words = ["make", "setup", f"PYTHON={sys.executable}"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=checkout, env=environment)

    assert done.returncode
    assert "The user requested (constraint) soup==1.1" in done.stderr
    assert "Expected: Python 3.11, 3.12, 3.13 or 3.14" in done.stderr
    assert f"Found: Python {'.'.join(map(str, sys.version_info[:3]))} on Linux" in done.stderr
    assert "make clean; make setup PYTHON=" in done.stderr
    assert "Every word of pip is in .venv/pip.log" in done.stderr
    assert (checkout / ".venv" / "pip.log").is_file()
    assert not (checkout / ".venv" / ".ready").exists()

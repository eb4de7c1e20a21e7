"""Every page that people open, in a real browser: a canary in everything a notebook can emit must never fire.

Firing is a request to a server that counts them, or a changed title. Report pages are opened without their policy
against scripts, so that it is the escaping that is proven. A control page shows that each payload fires where it can.
"""

import contextlib
import csv
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from small_course import ROOT, make_course, settings_for, submission

from autograder.release import release_text

pytestmark = pytest.mark.slow
BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
BIN = Path(sys.executable).parent
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


@dataclass
class Canary:
    """A server that counts what asks for it, and the payloads that would."""

    port: int = 0
    heard: list[str] = field(default_factory=list)

    def payloads(self) -> dict[str, str]:
        """Name -> a text that fires in a page where it is not escaped."""

        def fire(name: str) -> str:
            return f"new Image().src='{self.address(name)}';document.title='CANARY'"

        scripts = {
            "script": "<script>{}</script>",
            "closing": "--></style></script></title></textarea></pre></code><script>{}</script>",
            "img": '<img src=x: onerror="{}">',
            "svg": '<svg onload="{}"></svg>',
            "details": '<details open ontoggle="{}">x</details>',
            "attribute": '"\'><audio src=x: onerror="{}"></audio>',
            "split": '<scr\0ipt>x</script><img/src="x:"/onerror="{}">',
        }
        loads = {
            "picture": "<img src='{}'>",
            "frame": "<iframe src='{}'></iframe>",
            "style": "<style>@import url('{}');</style>",
            "link": "<link rel=stylesheet href='{}'>",
            "object": "<object data='{}'></object>",
            "video": "<video poster='{}' src='{}'></video>",
        }
        return {name: text.replace("{}", fire(name)) for name, text in scripts.items()} | {
            name: text.replace("{}", self.address(name)) for name, text in loads.items()
        }

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/canary/{name}"


@pytest.fixture(name="canary", scope="module")
def _canary() -> Iterator[Canary]:
    canary = Canary()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "/canary/" in self.path:
                canary.heard.append(self.path.rpartition("/")[2])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    canary.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield canary
    server.shutdown()
    thread.join()
    server.server_close()


def hostile(released: dict[str, Any], canary: Canary) -> bytes:
    """A notebook with every payload in every place that somebody may look at."""
    bad = "\n".join(canary.payloads().values())
    web = canary.address("markdown")
    markdown = (
        f"{bad}\n\n![x]({web}) ![y][ref] [z](javascript:alert(1)) <javascript:alert(1)>\n\n[ref]: {web}\n\n"
        f"$\\href{{javascript:alert(1)}}{{x}} \\style{{background:url({web})}}{{y}}$\n\n```html\n{bad}\n```\n"
    )
    emits = (
        f"bad = {bad!r}\nprint(bad)\nprint('\\x1b[31m' + bad + '\\x1b]8;;javascript:alert(1)\\x07x\\x1b]8;;\\x07')\n"
        "import sys\nprint(bad, file=sys.stderr)\nfrom IPython.display import *\n"
        "for kind in (HTML, SVG, Javascript, Markdown, Latex):\n    display(kind(data=bad))\n"
        f"data = {{'text/plain': bad, 'image/png': {PIXEL!r}, 'text/html': bad, 'application/javascript': bad}}\n"
        "display(data, raw=True, metadata={'image/png': {'alt': bad, 'width': bad}, 'text/html': {'isolated': bad}})\n"
    )
    raises = f"def mac_ratio(a, b):\n    # {bad!r}\n    raise ValueError({bad!r})"
    returns = f"def choose_tolerance(sweep, target):\n    return type({bad[:200]!r}, (), {{}})()"
    notebook = json.loads(submission(released, mac_ratio=raises, choose_tolerance=returns, q_why=markdown))
    left = [
        {"output_type": "stream", "name": bad, "text": bad},
        {"output_type": "error", "ename": bad, "evalue": bad, "traceback": [bad, f"\x1b[31m{bad}\x1b[0m"]},
        {"output_type": "display_data", "data": dict.fromkeys(MIMES, bad), "metadata": {"alt": bad}},
        {"output_type": "execute_result", "data": {"text/plain": bad, "image/png": PIXEL}, "execution_count": bad},
    ]
    for cell in notebook["cells"]:
        if cell["metadata"]["nbgrader"]["grade_id"] == "setup":
            cell["outputs"] = left
        cell["metadata"] |= {"tags": [bad], "name": bad, "collapsed": bad}
    added = {"metadata": {"x": bad}, "outputs": [], "execution_count": None}
    notebook["cells"] += [
        {"cell_type": "code", "id": "added", "source": emits, **added},
        {"cell_type": "markdown", "id": "text", "source": markdown, "metadata": {}, "attachments": {bad: {bad: bad}}},
        {
            "cell_type": "raw",
            "id": "raw",
            "source": bad,
            "metadata": {"raw_mimetype": "text/html", "format": "text/html"},
        },
    ]
    notebook["metadata"] |= {"title": bad, "kernelspec": {"name": bad, "display_name": bad, "language": bad}}
    return json.dumps(notebook).encode()


MIMES = ("text/plain", "text/html", "image/svg+xml", "application/javascript", "text/markdown", "text/latex")


@pytest.fixture(name="course", scope="module")
def _course(canary: Canary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graded class, with its report and nbgrader's feedback and export."""
    course = make_course(tmp_path_factory.mktemp("canary") / "course")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    released = json.loads(release_text(settings_for(course, course / "grading")))
    handed_in = course.parent / "in"
    handed_in.mkdir()
    (handed_in / "<img src=x onerror=document.title='CANARY'>.ipynb").write_bytes(hostile(released, canary))
    (handed_in / "=cmd|'<svg onload=document.title='CANARY'>'!A0.ipynb").write_bytes(b'{"cells": [')
    (handed_in / "-1+1.ipynb").write_bytes(b"")
    for words in (
        ("autograder", "grade", str(handed_in / "-1+1.ipynb"), "--jobs", "1"),
        ("autograder", "grade", str(handed_in), "--jobs", "1", "--fresh"),  # a round of its own
        ("autograder", "diff"),
        ("nbgrader", "generate_feedback", "small"),
        ("nbgrader", "export", "--to", "grades.csv"),
    ):
        here = os.environ | {"PYTHONPATH": str(ROOT)}  # this checkout, wherever the environment was installed from
        done = subprocess.run([BIN / words[0], *words[1:]], cwd=course, env=here, capture_output=True, text=True)
        assert done.returncode == (words[1] == "diff"), done.stdout + done.stderr
    return course


def pages(course: Path) -> list[Path]:
    return sorted((course / "grading").rglob("*.html"))


def test_no_payload_stands_in_a_page_as_it_was_sent(course: Path, canary: Canary) -> None:
    opened = pages(course)

    assert len(opened) == 5 + 3, "the class, what changed, and of each of three students a page and feedback"
    for page in opened:
        text = page.read_text()
        for name, payload in canary.payloads().items():
            assert payload not in text, (page, name)
        for sign in ('href="javascript:', "href='javascript:", "\\href{javascript", "<img src=x onerror"):
            assert sign not in text, (page, sign)


def test_no_cell_of_the_exported_table_is_a_formula(course: Path) -> None:
    with (course / "grades.csv").open() as file:
        rows = list(csv.reader(file))

    assert len(rows) == 1 + 3
    for cell in (cell for row in rows for cell in row):
        with contextlib.suppress(ValueError):
            float(cell)
            continue
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


def title(page: Path, profile: Path) -> str:
    """The title of a page after a browser has worked on it for seconds of its own time."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    options += [f"--user-data-dir={profile}", "--virtual-time-budget=4000", "--dump-dom", page.as_uri()]
    done = subprocess.run([str(BROWSER), *options], capture_output=True, text=True, timeout=300)
    assert "</html>" in done.stdout, done.stderr[-2000:]
    return html.unescape(re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)[1])  # type: ignore[index]


@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome on this machine to open the pages in")
def test_the_canary_never_fires_in_a_browser_and_can(course: Path, canary: Canary, tmp_path: Path) -> None:
    for number, page in enumerate(pages(course)):
        bare = tmp_path / f"{number}.html"
        bare.write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text()))
        assert title(bare, tmp_path / "profile") != "CANARY", page
        assert canary.heard == [], page

    silent = []
    for name, payload in canary.payloads().items():
        control = tmp_path / "control.html"
        control.write_text(f"<!doctype html><html><head><title>x</title></head><body>{payload}</body></html>")
        title(control, tmp_path / "profile")
        if name not in canary.heard:
            silent.append(name)
    assert silent == [], "these payloads prove nothing"

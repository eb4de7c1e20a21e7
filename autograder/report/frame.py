"""What all pages share: the frame with its styles, the policy, and the names of the files.

A page is one file that loads nothing. jinja2 escapes everything. The policy in each page lets a browser use our styles
and, where there is one, our script, both told by their hashes; attributes with styles or scripts do nothing.
"""

import base64
import functools
import hashlib
import re
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autograder.report.text import points, score
from autograder.results import ClassResults

PLAIN = re.compile(r"[a-z0-9_-]{1,60}")
NOT_PLAIN = re.compile(r"index|con|prn|aux|nul|(?:com|lpt)\d")  # the class's page, and what Windows calls its devices


def render(template: str, results: ClassResults, *, style: str = "", script: str = "", **values: Any) -> str:
    """A page.

    Args:
        template: Its file in templates/, which extends frame.html.
        style: The file of the styles that this page has in addition to the shared ones; "" for none.
        script: The file of the one script that the page may run; "" for none.
        values: What the template needs besides.
    """
    code = _file(script) if script else ""
    styles = _file("style.css") + (_file(style) if style else "")
    policy = f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src {_hash(styles)}"
    return (
        _environment()
        .get_template(template)
        .render(
            results=results,
            unsafe=results.unsafe,
            style=Markup(styles),
            script=Markup(code),
            policy=Markup(f"{policy}; script-src {_hash(code)}" if code else policy),
            **values,
        )
    )


def page_name(student: str) -> str:
    """The file of a student's page. It depends on the identifier alone, and no two students have the same.

    File systems may take two cases of a letter for one, so that an identifier with others than small letters gets a
    hash, behind a sign that no identifier without a hash has.
    """
    if PLAIN.fullmatch(student) and not NOT_PLAIN.fullmatch(student):
        return f"{student}.html"
    whole = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{re.sub('[^A-Za-z0-9_-]', '_', student)[:60]}~{whole[:12]}.html"


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("autograder.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"points": points, "score": score, "page": page_name}
    return environment


@functools.cache
def _file(name: str) -> str:
    return files("autograder.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

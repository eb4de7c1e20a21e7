"""Bounded fuzzing: how many examples a tier runs, and JSON values of every odd kind."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

DEEP, LONG = "@deep@", "@long@"  # in place of what json.dumps cannot write: thousands of brackets, of digits


def tiers(quick: int, slow: int) -> Callable[[Any], Any]:
    """Run a test with ``examples`` in the quick tier, the same ones each time, and with more in the slow one."""
    return pytest.mark.parametrize("examples", [quick, pytest.param(slow, marks=pytest.mark.slow)])


def bounded(examples: int) -> settings:
    """Settings of one fuzzed property. Found examples become tests of their own, so none are kept on disk."""
    everywhere_the_same = examples < 1000 or "CI" in os.environ
    return settings(
        max_examples=examples,
        derandomize=everywhere_the_same,
        deadline=None,  # a loaded machine; what takes long is bounded in processor time by the tests
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "\0",
            "\ud800",
            "\udcff",
            "\u202e",
            "\ufeff",
            "\x1b[31m",
            "\r\n",
            "<script>",
            "![",
            "](",
            "\\href{",
            DEEP,
            LONG,
        ]
    ),
)
odd = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([10**400, -(10**4000), 2**63, float("inf"), float("nan"), 1e308, -0.0]),
        texts,
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def places(document: Any, path: tuple = ()) -> list[tuple]:
    """The way to every value below ``document``."""
    found = [path] if path else []
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inner:
        found += places(value, (*path, key))
    return found


def put(document: Any, path: tuple, value: Any) -> None:
    """Replace the value at ``path``; nothing if an earlier change took the way there away."""
    try:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value
    except (LookupError, TypeError):
        pass


def dumped(document: Any, ascii_only: bool = True) -> bytes:
    """The document as bytes of JSON, or of what comes close to it."""
    text = json.dumps(document, ensure_ascii=ascii_only)
    text = text.replace(f'"{DEEP}"', "[" * 30_000 + "]" * 30_000).replace(f'"{LONG}"', "9" * 9_000)
    return text.encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: Any, data: bytes) -> bytes:
    """``data`` with bytes flipped, cut off, doubled or put in."""
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.sampled_from(["flip", "cut", "put", "double"]))
        if kind == "cut":
            data = data[:at]
        elif kind == "double":
            data = data[:at] + data[at // 2 : at] + data[at:]
        else:
            new = draw(st.binary(min_size=1, max_size=4))
            data = data[:at] + new + data[at + (len(new) if kind == "flip" else 0) :]
    return data

"""Whatever comes out of a box as evidence is read or refused, and judged: points or none, never a fault of ours."""

import base64
import contextlib
import functools
import io
import json
import time
from typing import Any

import numpy as np
from fuzz import bounded, dumped, odd, places, put, texts, tiers
from hypothesis import given
from hypothesis import strategies as st
from in_process import ASSIGNMENT, namespace, observed, points

from autograder.errors import EvidenceError
from autograder.judge.evidence import DTYPES, Observation, evidence_by_task, read_observation
from autograder.judge.judge import Judge, load_checks

MAX_SAID = 3_000  # characters of a message
CHEAP = ("choose_tolerance", "early_exit_loss", "mac_ratio", "per_sample_exits")  # observed without a network


def tasks(examples: int) -> tuple[str, ...]:
    """All tasks in the slow tier; in the quick one those whose evidence takes moments to make."""
    return tuple(sorted(ASSIGNMENT.cases)) if examples >= 1000 else CHEAP


@functools.cache
def truth(tasks: tuple[str, ...], *, explain: bool = False) -> dict[tuple[str, str], str]:
    """(task, case) -> what the solutions emit."""
    names = namespace()
    return {pair: text for task in tasks for pair, text in observed(task, names, explain=explain).items()}


@functools.cache
def ways(text: str) -> list[tuple]:
    return places(json.loads(text))


wrapped = st.recursive(  # values in the form of the evidence, with odd contents
    st.one_of(
        st.fixed_dictionaries({"t": st.sampled_from(["plain", "other", "int", "float", "list", "dict"]), "v": odd}),
        st.builds(lambda n: {"t": "int", "v": str(n)}, st.integers() | st.integers(-(10**59), 10**59)),
        st.builds(lambda n: {"t": "float", "v": n.hex()}, st.floats()),
        st.builds(lambda s: {"t": "plain", "v": s}, texts | st.none() | st.booleans()),
        st.builds(
            lambda kind, dtype, shape: {
                "t": kind,
                "dtype": dtype,
                "shape": shape,
                "data": base64.b64encode(bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize)).decode(),
            },
            st.sampled_from(["tensor", "array"]),
            st.sampled_from(DTYPES),
            st.lists(st.sampled_from([0, 1, 2, 6, 10, 64]), max_size=3),
        ),
    ),
    lambda inner: (
        st.builds(lambda kind, v: {"t": kind, "v": v}, st.sampled_from(["list", "tuple"]), st.lists(inner, max_size=4))
        | st.builds(lambda v: {"t": "dict", "v": v}, st.lists(st.lists(inner, min_size=2, max_size=2), max_size=3))
    ),
    max_leaves=6,
)


@st.composite
def evidence(draw: Any, text: str) -> str:
    """The solution's evidence of a case with some of its fields changed."""
    record = json.loads(text)
    for _ in range(draw(st.integers(1, 3))):
        put(record, draw(st.sampled_from(ways(text))), draw(odd | wrapped))
    return dumped(record).decode()


@tiers(quick=60, slow=1600)
def test_any_evidence_is_an_observation_or_refused(examples: int) -> None:
    right = truth(tasks(examples))

    @bounded(examples)
    @given(st.data())
    def holds(data: Any) -> None:
        pair = data.draw(st.sampled_from(sorted(right)))
        text = data.draw(evidence(right[pair]))
        begin = time.process_time()
        with contextlib.suppress(EvidenceError):
            assert isinstance(read_observation(text, *pair), Observation)
        assert time.process_time() - begin < 1

    holds()


@tiers(quick=5, slow=200)
def test_any_evidence_is_judged(examples: int) -> None:
    right = truth(tasks(examples))
    key = evidence_by_task(list(right), truth(tasks(examples), explain=True))
    worths = {task: points()[task] for task in tasks(examples)}
    judge = Judge(load_checks(ASSIGNMENT.checks, worths), key, worths)

    @bounded(examples)
    @given(st.data())
    def holds(data: Any) -> None:
        texts = {pair: data.draw(evidence(text)) for pair, text in right.items()}
        begin = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            grades = judge(evidence_by_task(list(texts), texts))
        assert time.process_time() - begin < 10
        assert [grade.task for grade in grades] == list(worths)
        for grade in grades:
            assert 0 <= grade.score <= grade.max_score
            for check in grade.checks:
                check.message.encode()
                assert len(check.message) < MAX_SAID

    holds()

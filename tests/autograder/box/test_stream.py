"""What a box may say: whole messages within bounds, however they are cut, and nothing else."""

import contextlib
import json
import socket
import tracemalloc
from collections.abc import Iterator
from unittest import mock

import pytest
from fuzz import bounded, tiers
from hypothesis import given
from hypothesis import strategies as st

from autograder.box import stream as module
from autograder.box.stream import (
    LEAST,
    MAX_PARTS,
    Broken,
    Done,
    Failed,
    Flooded,
    HungUp,
    NotAMessage,
    Ready,
    Stream,
    TooMuch,
    all_bytes,
    message_bytes,
    parsed,
)
from autograder.config import Limits
from autograder.inside import wire

LIMITS = Limits(output_bytes=1 << 12, evidence_bytes=1 << 14)
DONE = {"outputs": {"3": [{"output_type": "stream"}]}, "error": "", "evidence": None}


@pytest.fixture(name="ends")
def _ends() -> Iterator[tuple[Stream, socket.socket]]:
    """The grader's end, and that of a box."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Stream(ours, LIMITS), theirs


Ends = tuple[Stream, socket.socket]


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ({"ready": True}, Ready()),
        ({"failed": "ImportError: no torch"}, Failed("ImportError: no torch")),
        ({"flooded": True}, Flooded()),
        (DONE, Done({3: [{"output_type": "stream"}]}, "", None)),
        (DONE | {"error": "E: \ud800", "evidence": "{}"}, Done({3: [{"output_type": "stream"}]}, "E: ?", "{}")),
    ],
)
def test_each_message_is_read_however_it_is_cut(ends: Ends, message: object, value: object) -> None:
    ours, theirs = ends
    data = wire.packed(message)
    for at in range(0, len(data), 20):
        with pytest.raises(TimeoutError):
            ours.receive(0)
        theirs.sendall(data[at : at + 20])

    assert ours.receive(1) == value


def test_messages_that_come_together_are_read_one_by_one(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(wire.packed({"flooded": True}) + wire.packed(DONE))

    assert [type(ours.receive(1)) for _ in range(2)] == [Flooded, Done]


def test_a_second_flood_is_no_message(ends: Ends) -> None:
    stream, box = ends
    box.sendall(wire.packed({"flooded": True}) * 2)

    assert stream.receive(1) == Flooded()
    with pytest.raises(NotAMessage):
        stream.receive(1)


def test_when_bytes_come_one_by_one_then_the_time_is_over_all_the_same(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, box = ends
    box.sendall(wire.packed(DONE)[:-1])
    monkeypatch.setattr(module, "CHUNK", 1)  # the next byte is always there
    monkeypatch.setattr(module, "LEAST", 0)
    times = iter([0.0, 0.0, 0.5, 1.5])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(times))

    with pytest.raises(TimeoutError):
        stream.receive(1)


def test_what_is_there_is_read_when_the_time_is_over(ends: Ends) -> None:
    stream, box = ends
    box.sendall(wire.packed(DONE))

    assert isinstance(stream.receive(0), Done)


def test_an_order_arrives_in_the_box(ends: Ends) -> None:
    ours, theirs = ends
    ours.send({"source": "é\ud800" * 1000}, 1)

    assert wire.receive(theirs) == {"source": "é?" * 1000}


def test_when_the_box_takes_no_order_then_the_grader_does_not_wait_for_ever(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        ends[0].send({"source": "x" * (8 << 20)}, 0.1)


def test_when_the_box_has_ended_then_it_is_said(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(wire.packed(DONE)[:-1])
    theirs.close()

    with pytest.raises(HungUp):
        ours.receive(1)
    with pytest.raises(HungUp):
        ours.send({}, 1)


def test_when_the_grader_has_hung_up_then_the_box_reads_nothing() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        assert wire.receive(theirs) is None


def test_a_message_that_is_announced_too_large_is_refused_before_it_comes(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall((message_bytes(LIMITS) + 1).to_bytes(4, "big"))

    with pytest.raises(TooMuch, match="a message of more than 16,384 bytes"):
        ours.receive(1)


def test_all_that_a_box_sends_is_bounded(ends: Ends) -> None:
    ours, theirs = ends
    data = wire.packed(DONE | {"error": "x" * 10_000})
    count = 0
    with pytest.raises(TooMuch, match="more than 65,536 bytes in all"):
        while True:
            theirs.sendall(data)
            ours.receive(1)
            count += 1

    assert count == all_bytes(LIMITS) // (len(data) + LEAST)


@pytest.mark.parametrize("chunk", [1, 17, 1 << 16])
def test_small_messages_and_small_pieces_count_too(ends: Ends, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Each costs the grader a moment, however few bytes it has."""
    ours, theirs = ends
    theirs.sendall(wire.packed({"ready": True}) * 1000)
    monkeypatch.setattr(module, "CHUNK", chunk)
    count = 0
    with pytest.raises(TooMuch):
        while True:
            ours.receive(1)
            count += 1

    assert count <= all_bytes(LIMITS) // LEAST


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'"ready"',
        b'{"ready": 1}',
        b'{"ready": false}',
        b'{"failed": 3}',
        b'{"flooded": "true"}',
        b'{"outputs": {}, "error": null, "evidence": null}',
        b'{"outputs": [], "error": "", "evidence": null}',
        b'{"outputs": {"-1": []}, "error": "", "evidence": null}',
        b'{"outputs": {"1": {}}, "error": "", "evidence": null}',
        b'{"outputs": {"999999999999": []}, "error": "", "evidence": null}',
        b'{"outputs": {}, "error": "", "evidence": {}}',
        b'{"outputs": {}, "error": ""}',
        b"9" * 5000,
        b"\xff\xfe[\x00",
        '{"ready": true}'.encode("utf-16"),
    ],
)
def test_anything_else_is_no_message(text: bytes) -> None:
    with pytest.raises(NotAMessage):
        parsed(text)


@pytest.mark.parametrize("text", [b"[" * 200_000, b'{"a":' * 200_000, b"[0," * 90_000, b'"",,' * 200_000])
def test_a_message_that_would_take_much_memory_is_not_parsed(text: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TooMuch, match=r"100,000 values|too deep"):
            parsed(text)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 20 << 20


def test_brackets_and_commas_in_text_are_text() -> None:
    said = DONE | {"error": '[{,"\\' * MAX_PARTS}

    assert parsed(json.dumps(said).encode()) == Done({3: [{"output_type": "stream"}]}, str(said["error"]), None)


TEXT = (
    st.binary(max_size=400)
    | st.text(max_size=200).map(str.encode)
    | st.lists(st.sampled_from(list(b'"\\[{,:}]')), max_size=200).map(bytes)
)


@tiers(quick=100, slow=1000)
def test_any_text_is_a_message_or_a_typed_end(examples: int) -> None:
    @bounded(examples)
    @given(TEXT)
    def holds(text: bytes) -> None:
        with contextlib.suppress(TooMuch, NotAMessage):
            assert isinstance(parsed(text), Ready | Failed | Flooded | Done)

    holds()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda one: st.lists(one, max_size=4) | st.dictionaries(st.text(max_size=9), one, max_size=4),
    max_leaves=12,
)
OUTPUTS = st.dictionaries(st.integers(-2, 5).map(str) | st.text(max_size=3), st.lists(JSON, max_size=3))
SAID = (
    st.fixed_dictionaries({}, optional=dict.fromkeys(("ready", "failed", "flooded"), JSON))
    | st.fixed_dictionaries(
        {
            "outputs": OUTPUTS | JSON,
            "error": st.text(max_size=9) | JSON,
            "evidence": st.none() | st.text(max_size=9) | JSON,
        }
    )
    | JSON
)


@tiers(quick=100, slow=1000)
def test_any_stream_is_messages_and_then_a_typed_end(examples: int) -> None:
    @bounded(examples)
    @given(st.lists(SAID.map(wire.packed) | st.binary(max_size=60), max_size=8), st.integers(1, 300))
    def holds(parts: list[bytes], chunk: int) -> None:
        data = b"".join(parts)
        ours, theirs = socket.socketpair()
        with ours, mock.patch.object(module, "CHUNK", chunk):
            with theirs:
                theirs.settimeout(5)
                theirs.sendall(data)
            heard = Stream(ours, LIMITS)
            with pytest.raises(Broken):
                for _ in range(len(data) + 1):
                    assert isinstance(heard.receive(1), Ready | Failed | Flooded | Done)

    holds()

"""Reading evidence: what the box emits comes through, and anything else is refused in a sentence."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from autograder.errors import EvidenceError
from autograder.judge.evidence import DTYPES, MAX_DEPTH, Array, Observation, Other, read_observation


def text(values: object = None, **more: object) -> str:
    record = {"task": "mac_ratio", "case": "two_totals"} | ({"values": values} if values is not None else {}) | more
    return json.dumps(record)


def read(text: str) -> Observation:
    return read_observation(text, "mac_ratio", "two_totals")


def value(node: object) -> Any:
    return read(text({"returned": node})).values["returned"]


def array_node(values: np.ndarray, **changes: object) -> dict[str, Any]:
    data = base64.b64encode(values.tobytes()).decode()
    return {"t": "array", "dtype": values.dtype.name, "shape": list(values.shape), "data": data} | changes


def refused(node: object, sentence: str) -> None:
    with pytest.raises(EvidenceError) as refusal:
        value(node)
    assert str(refusal.value) == sentence


PLAIN = {"t": "plain", "v": None}


# --- what the box emits ---


@pytest.mark.parametrize(
    ("node", "wanted"),
    [
        (PLAIN, None),
        ({"t": "plain", "v": True}, True),
        ({"t": "plain", "v": "text"}, "text"),
        ({"t": "int", "v": "-3336213504000"}, -3336213504000),
        ({"t": "float", "v": (1.446941498224665).hex()}, 1.446941498224665),
        ({"t": "float", "v": "inf"}, float("inf")),
        ({"t": "other", "v": "Module"}, Other("Module")),
        ({"t": "list", "v": []}, []),
        ({"t": "tuple", "v": [PLAIN, {"t": "int", "v": "1"}]}, (None, 1)),
        ({"t": "dict", "v": [[{"t": "int", "v": "0"}, {"t": "int", "v": "16"}]]}, {0: 16}),
    ],
)
def test_a_value_comes_back_with_its_type(node: dict[str, Any], wanted: object):
    assert (value(node), type(value(node))) == (wanted, type(wanted))


def test_not_a_number_comes_back():
    assert np.isnan(value({"t": "float", "v": "nan"}))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3)])
def test_an_array_comes_back_bit_by_bit(dtype: str, shape: tuple[int, ...]):
    values = np.arange(np.prod(shape), dtype=np.float64).astype(dtype).reshape(shape)
    found = value(array_node(values))

    assert (found.values.dtype, found.values.shape) == (values.dtype, shape)
    assert np.array_equal(found.values, values)


@pytest.mark.parametrize(("kind", "tensor"), [("tensor", True), ("array", False)])
@pytest.mark.parametrize(("given", "grad"), [(True, True), (False, False), (1, False), ("yes", False)])
def test_an_array_says_whether_it_was_a_tensor_with_gradients(kind: str, tensor: bool, given: object, grad: bool):
    found = value(array_node(np.ones(2), t=kind, grad=given))

    assert (found.tensor, found.grad) == (tensor, grad)


def test_an_array_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        value(array_node(np.ones(2))).values[0] = 5


def test_a_key_may_be_a_number_out_of_an_array():
    node = {"t": "dict", "v": [[array_node(np.array(3)), PLAIN], [array_node(np.array(0.5)), PLAIN]]}

    assert value(node) == {3: None, 0.5: None}


def test_what_the_call_raised_comes_back_shortened():
    observation = read(text(error="ValueError: " + "x" * 9999))

    assert (dict(observation.values), len(observation.error)) == ({}, 2000)


def test_a_type_name_is_shortened():
    assert value({"t": "other", "v": "T" * 9999}) == Other("T" * 200)


# --- of the record ---


@pytest.mark.parametrize(
    "text", ["", "{", "nonsense", '{"task": NaN}', '{"x": Infinity}', "[" * 100_000, '{"a":' * 99_999, "9" * 9999]
)
def test_when_it_is_not_json_then_it_is_refused(text: str):
    with pytest.raises(EvidenceError, match=r"the evidence of mac_ratio/two_totals is not JSON"):
        read(text)


@pytest.mark.parametrize(
    "record",
    [
        [],
        None,
        "mac_ratio",
        3,
        {},
        {"task": "mac_ratio"},
        {"task": "early_exit_loss", "case": "two_totals", "values": {"returned": PLAIN}},
        {"task": "mac_ratio", "case": "another", "values": {"returned": PLAIN}},
        {"task": ["mac_ratio"], "case": "two_totals", "values": {"returned": PLAIN}},
        {"task": "mac_ratio", "case": None, "error": "x"},
    ],
)
def test_when_it_is_of_another_call_then_it_is_refused(record: object):
    with pytest.raises(EvidenceError, match=r"the evidence of mac_ratio/two_totals is of another call"):
        read(json.dumps(record))


@pytest.mark.parametrize(
    "text",
    [
        text(),
        text({}),
        text([]),
        text("x"),
        text(error=""),
        text(error=None),
        text(error=["x"]),
        text(error={"x": 1}, values={"returned": PLAIN}),
        text(values=[PLAIN], error="x"),
    ],
)
def test_when_it_holds_neither_values_nor_an_error_then_it_is_refused(text: str):
    with pytest.raises(EvidenceError, match=r"the evidence of mac_ratio/two_totals holds neither values nor an error"):
        read(text)


# --- of a value ---


@pytest.mark.parametrize("node", [None, 1, "x", [], [PLAIN], True])
def test_when_a_value_is_no_object_then_it_is_refused(node: object):
    refused(node, "a value of the evidence is malformed")
    refused({"t": "list", "v": [node]}, "a value of the evidence is malformed")


def nested(depth: int, kind: str = "list") -> dict[str, Any]:
    node: dict[str, Any] = PLAIN
    for _ in range(depth):
        node = {"t": kind, "v": [[PLAIN, node]] if kind == "dict" else [node]}
    return node


@pytest.mark.parametrize("kind", ["list", "tuple", "dict"])
def test_when_a_value_is_nested_too_deeply_then_it_is_refused(kind: str):
    assert value(nested(MAX_DEPTH, kind)) is not None
    for depth in (MAX_DEPTH + 1, 150):
        refused(nested(depth, kind), "a value of the evidence is malformed")


@pytest.mark.parametrize(
    "node",
    [
        {},
        {"t": None},
        {"t": "pickle", "v": "gASVAAAA"},
        {"t": ["list"], "v": []},
        {"t": {}, "v": []},
        {"t": "plain", "v": 3},
        {"t": "plain", "v": 0.5},
        {"t": "plain", "v": []},
        {"t": "other", "v": 3},
        {"t": "other"},
        {"t": "int", "v": 3},
        {"t": "int", "v": "9" * 61},
        {"t": "float", "v": 0.5},
        {"t": "float", "v": "0" * 61},
        {"t": "list", "v": {}},
        {"t": "tuple", "v": "ab"},
        {"t": "dict", "v": {"a": PLAIN}},
    ],
)
def test_when_a_value_is_of_an_unknown_kind_then_it_is_refused(node: dict[str, Any]):
    refused(node, "a value of the evidence is of an unknown kind")


@pytest.mark.parametrize(
    "node",
    [
        {"t": "int", "v": ""},
        {"t": "int", "v": "1.5"},
        {"t": "int", "v": "0x10"},
        {"t": "int", "v": "nan"},
        {"t": "float", "v": ""},
        {"t": "float", "v": "0x1p999999999"},
        {"t": "float", "v": "__import__('os')"},
    ],
)
def test_when_a_number_cannot_be_read_then_it_is_refused(node: dict[str, Any]):
    refused(node, "a number of the evidence cannot be read")


@pytest.mark.parametrize("pair", [None, [], [PLAIN], [PLAIN, PLAIN, PLAIN], {"k": PLAIN}, "ab"])
def test_when_a_mapping_is_malformed_then_it_is_refused(pair: object):
    refused({"t": "dict", "v": [pair]}, "a mapping of the evidence is malformed")


@pytest.mark.parametrize(
    "key",
    [
        {"t": "list", "v": []},
        {"t": "tuple", "v": [PLAIN]},
        {"t": "dict", "v": []},
        {"t": "other", "v": "Key"},
        array_node(np.ones(2)),
    ],
)
def test_when_a_key_is_neither_a_number_nor_text_then_it_is_refused(key: dict[str, Any]):
    refused({"t": "dict", "v": [[key, PLAIN]]}, "a key of the evidence is neither a number nor text")


# --- of an array ---


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "object"},
        {"dtype": "O"},
        {"dtype": "complex128"},
        {"dtype": "float64,float64"},
        {"dtype": "U1"},
        {"dtype": ["float64"]},
        {"dtype": None},
        {"data": None},
        {"data": []},
        {"shape": None},
        {"shape": "2"},
        {"shape": 2},
        {"shape": [1] * 9},
    ],
)
def test_when_an_array_is_malformed_then_it_is_refused(changes: dict[str, Any]):
    refused(array_node(np.ones(2), **changes), "an array of the evidence is malformed")


@pytest.mark.parametrize("shape", [[-1], [-2, -1], [2.0], [True, 2], ["2"], [None], [[2]], [2**31], [10**30]])
def test_when_a_shape_is_impossible_then_it_is_refused(shape: list[Any]):
    refused(array_node(np.ones(2), shape=shape), "an array of the evidence has an impossible shape")


def test_when_a_size_overflows_a_float_then_it_is_refused():
    record = text({"returned": array_node(np.ones(2), shape=[12345])}).replace("12345", "1e999")

    with pytest.raises(EvidenceError, match="an array of the evidence has an impossible shape"):
        read(record)


@pytest.mark.parametrize("data", ["A", "AAA", "<script>", "AAAA\n", "é===", "\ud800", "=" * 8, "AAAA AAAA"])
def test_when_the_bytes_of_an_array_cannot_be_read_then_it_is_refused(data: str):
    refused(array_node(np.ones(2), data=data), "the bytes of an array cannot be read")


@pytest.mark.parametrize("shape", [[], [1], [3], [2, 2], [0], [2**31 - 1] * 8, [2**30, 2**30, 2**4]])
def test_when_an_array_has_other_bytes_than_its_shape_says_then_it_is_refused(shape: list[int]):
    refused(array_node(np.ones(2), shape=shape), "an array of the evidence has more or fewer bytes than its shape")


@pytest.mark.parametrize("shape", [[0] + [2**31 - 1] * 7, [2**31 - 1, 2**31 - 1, 2**31 - 1, 0]])
def test_when_an_empty_array_claims_a_shape_that_cannot_be_then_it_is_refused(shape: list[int]):
    with pytest.raises(EvidenceError, match="array"):
        value(array_node(np.ones(0), shape=shape))


def test_a_bool_is_true_or_false_whatever_its_byte_is():
    found = value(array_node(np.array([0, 1, 2, 255], dtype=np.uint8), dtype="bool")).values

    assert found.tobytes() == b"\0\1\1\1"


@pytest.mark.parametrize(
    "record",
    [
        text(error="ValueError: \ud800"),
        text({"returned": {"t": "other", "v": "Type\ud800"}}),
        text({"returned": {"t": "plain", "v": "\udfff"}}),
        text({"returned\ud800": PLAIN, "b": PLAIN}),
        text({"returned": {"t": "dict", "v": [[{"t": "plain", "v": "\ud800"}, PLAIN]]}}),
    ],
    ids=["error", "type name", "text", "name", "key"],
)
def test_every_text_of_the_evidence_can_be_written_to_a_file(record: str):
    """Lone surrogates cannot, and one would keep a whole class from its report."""
    observation = read(record)

    assert "".join([observation.error, *_texts(observation.values)]).encode()


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Other):
        return [value.type_name]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    return []


@pytest.mark.parametrize("wrong", [None, 0, -1, "x", [], {}, [[]], {"t": "list"}, 1e308, "nan", True])
def test_no_field_of_any_type_does_more_than_be_refused(wrong: object):
    nodes = [
        PLAIN,
        {"t": "int", "v": "1"},
        {"t": "float", "v": "1"},
        {"t": "other", "v": "X"},
        nested(1),
        nested(1, "dict"),
    ]
    for node in [*nodes, array_node(np.ones((2, 2)), grad=False), array_node(np.ones((2, 2)), t="tensor")]:
        for field in node:
            try:
                found = value(node | {field: wrong})
            except EvidenceError as refusal:
                assert str(refusal)
            else:
                assert found is None or isinstance(
                    found, bool | int | float | str | list | tuple | dict | Array | Other
                )


def test_when_a_mapping_has_more_pairs_than_any_answer_then_it_is_refused():
    """Keys that share a hash make a mapping of n pairs cost n squared."""
    keys = [{"t": "int", "v": str(1 + number * (2**61 - 1))} for number in range(20_000)]
    refused(
        {"t": "dict", "v": [[key, {"t": "plain", "v": None}] for key in keys]}, "a mapping of the evidence is malformed"
    )


LARGE_KEY = "a key of the evidence is a number too large to count anything"


def test_when_a_key_is_a_number_larger_than_any_index_then_it_is_refused():
    refused({"t": "dict", "v": [[{"t": "int", "v": str(2**61)}, {"t": "plain", "v": None}]]}, LARGE_KEY)
    refused({"t": "dict", "v": [[{"t": "float", "v": (2.0**61).hex()}, {"t": "plain", "v": None}]]}, LARGE_KEY)


def test_when_an_error_holds_what_moves_a_cursor_then_it_does_not_come_through() -> None:
    text = json.dumps({"task": "a", "case": "b", "error": "one\ntwo\x1b[2J\x00\u202ethree"})

    assert read_observation(text, "a", "b").error == "one\ntwo?[2J??three"

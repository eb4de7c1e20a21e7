"""Reading the old `.npy` dictionaries: what comes back, and what is refused without being run."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from course_lib.data import load_npy_dict


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "data.npy"


@pytest.fixture(name="arrays")
def _arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"x": rng.random((5, 1, 4, 4)).astype(np.float32), "y": np.arange(5)}


def _replace_pickle(file: Path, pickled: bytes) -> None:
    """Writes a file with the header of a saved dictionary and another pickle behind it."""
    np.save(file, {}, allow_pickle=True)
    header = file.read_bytes().split(b"\n", 1)[0] + b"\n"
    file.write_bytes(header + pickled)


def test_when_a_dictionary_was_saved_then_the_same_arrays_come_back(file, arrays):
    np.save(file, arrays, allow_pickle=True)
    loaded = load_npy_dict(file)

    assert loaded.keys() == {"x", "y"}
    for key, array in arrays.items():
        assert loaded[key].dtype == array.dtype
        assert np.array_equal(loaded[key], array)
        assert loaded[key].flags.writeable


@pytest.mark.parametrize("dtype", ["bool", "uint8", "<i4", ">i4", ">f8", "float16"])
def test_when_numbers_are_of_any_plain_type_then_they_survive(file, dtype):
    x = np.array([[0, 1], [2, 3]]).astype(dtype)
    np.save(file, {"x": x, "y": np.array([0, 1])}, allow_pickle=True)

    assert load_npy_dict(file)["x"].dtype == x.dtype
    assert np.array_equal(load_npy_dict(file)["x"], x)


def test_when_an_array_is_in_fortran_order_then_its_elements_keep_their_place(file):
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.save(file, {"x": x, "y": np.array([0, 1])}, allow_pickle=True)

    assert np.array_equal(load_npy_dict(file)["x"], [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("protocol", [3, 4])
def test_when_the_file_comes_from_numpy_1_then_it_is_read_too(file, arrays, protocol):
    """numpy 1 wrote protocol 3, and called its internals numpy.core: one letter less than numpy._core."""
    inner = np.empty((), dtype=object)
    inner[()] = arrays
    pickled = pickle.dumps(inner, protocol=3)
    old = pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != pickled
    _replace_pickle(file, old if protocol == 3 else pickle.dumps(inner, protocol=4))

    assert np.array_equal(load_npy_dict(file)["x"], arrays["x"])


class _Bomb:
    """Unpickled the usual way, it creates a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return (Path.touch, (self.canary,))


def test_when_the_bomb_is_loaded_the_usual_way_then_it_goes_off(file, tmp_path):
    """Without this, the next tests could pass because the bomb is a dud."""
    canary = tmp_path / "canary"
    np.save(file, {"x": _Bomb(canary)}, allow_pickle=True)
    np.load(file, allow_pickle=True)

    assert canary.exists()


@pytest.mark.parametrize("place", ["next to the arrays", "in an array", "instead of the dictionary"])
def test_when_a_file_names_code_then_it_is_refused_and_not_run(file, tmp_path, arrays, place):
    canary = tmp_path / "canary"
    bomb = _Bomb(canary)
    in_array = np.empty(5, dtype=object)
    in_array[0] = bomb
    content = {
        "next to the arrays": {**arrays, "z": bomb},
        "in an array": {**arrays, "x": in_array},
        "instead of the dictionary": bomb,
    }[place]
    np.save(file, content, allow_pickle=True)

    with pytest.raises(ValueError, match=r"which no array needs\. It was not run"):
        load_npy_dict(file)
    assert not canary.exists()


@pytest.mark.parametrize("name", [b"os\nsystem", b"builtins\neval", b"numpy\nload", b"numpy\nfromfile"])
def test_when_a_pickle_calls_a_known_name_then_the_sentence_says_which(file, name):
    _replace_pickle(file, b"c" + name + b"\n(S'echo'\ntR.")

    with pytest.raises(ValueError, match=re.escape(name.decode().replace("\n", "."))):
        load_npy_dict(file)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({1, 2}, "holds a set"),
        ({"x": np.zeros(2)}, r"holds the keys \['x'\]"),
        ({"x": np.zeros(2), "y": [0, 1]}, "under 'y', but holds a list"),
        ({"x": np.array([None, 1]), "y": np.zeros(2)}, "'x' .* its elements are objects"),
        ({"x": np.array(["a", "b"]), "y": np.zeros(2)}, "'x' .* its element type is <U1"),
        ({"x": np.zeros(2), "y": np.zeros(3)}, r"'x' has shape \(2,\) and 'y' has shape \(3,\)"),
        ({"x": np.zeros(()), "y": np.zeros(())}, r"'x' has shape \(\)"),
    ],
)
def test_when_the_content_is_something_else_then_the_sentence_says_what(file, content, found):
    np.save(file, content, allow_pickle=True)

    with pytest.raises(ValueError, match=found):
        load_npy_dict(file)


def test_when_the_file_holds_a_plain_array_then_it_is_refused(file):
    np.save(file, np.zeros(3))

    with pytest.raises(ValueError, match=r"an array of float64 of shape \(3,\), not one object"):
        load_npy_dict(file)


def test_when_the_format_version_is_unknown_then_it_is_refused(file):
    np.save(file, {}, allow_pickle=True)
    file.write_bytes(file.read_bytes().replace(b"NUMPY\x01", b"NUMPY\x02", 1))

    with pytest.raises(ValueError, match=r"format version is \(2, 0\)"):
        load_npy_dict(file)


@pytest.mark.parametrize("keep", [0, 5, 100, 200, -40, -1])
def test_when_the_file_is_cut_off_then_it_is_refused(file, arrays, keep):
    np.save(file, arrays, allow_pickle=True)
    file.write_bytes(file.read_bytes()[:keep])

    with pytest.raises(ValueError, match="cannot be read"):
        load_npy_dict(file)


def test_when_the_bytes_do_not_fill_the_shape_then_the_array_is_refused(file):
    x = np.zeros((77, 2), dtype=np.uint8)
    np.save(file, {"x": x, "y": x[:, 0]}, allow_pickle=True)
    content = file.read_bytes()
    assert content.count(b"K\x4dK\x02") == 1  # the shape (77, 2) as the pickle writes it
    file.write_bytes(content.replace(b"K\x4dK\x02", b"K\x4dK\x03"))

    with pytest.raises(ValueError, match=r"154 bytes do not fill shape \(77, 3\)"):
        load_npy_dict(file)


def test_when_the_file_is_missing_then_python_says_so(file):
    with pytest.raises(FileNotFoundError, match=re.escape(str(file))):
        load_npy_dict(file)

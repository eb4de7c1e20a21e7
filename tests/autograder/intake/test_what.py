"""What a file is that is no notebook, by its content or its name."""

import json
import time
from pathlib import Path

import pytest

from autograder.errors import BadSubmission
from autograder.intake.find import find_class
from autograder.intake.what import by_name, instead_of_a_notebook

CELL = {"cell_type": "markdown", "source": "<<<<<<< HEAD\n>>>>>>> main\n<html>\n%PDF", "metadata": {}}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"\xef\xbb\xbf\n <HTML><body>", "a web page"),
        (b"<!-- saved from url -->\n<html>", "a web page"),
        (b'{\n "cells": [\n<<<<<<< HEAD\n  {},\n=======\n  {}\n>>>>>>> main\n ]\n}', "left in a merge conflict"),
        (b"# my answers\nimport torch\n\ndef mac_ratio(a, b):\n    return a / b\n", "a Python script"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04....", "a zip archive"),
        (b"\x89PNG\r\n", "a picture"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "a pointer of Git LFS"),
    ],
)
def test_a_file_that_is_called_a_notebook_and_is_none_is_named_for_what_it_is(
    tmp_path: Path, content: bytes, what: str
):
    (tmp_path / "ann.ipynb").write_bytes(content)
    (found,) = find_class(tmp_path, "early_exit").found

    with pytest.raises(BadSubmission, match=rf"ann\.ipynb is {what}.*\. Hand in the notebook itself\."):
        found.read(1000)


@pytest.mark.parametrize("indent", [None, 1])
def test_a_notebook_that_speaks_of_such_things_is_a_notebook(indent: int | None):
    text = json.dumps({"cells": [CELL], "metadata": {}}, indent=indent)

    assert instead_of_a_notebook(text.encode()) == ""


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe{\x00", b"imported", b"Dear all,"])
def test_what_is_not_evident_is_left_to_the_parser(data: bytes):
    assert instead_of_a_notebook(data) == ""


@pytest.mark.parametrize("data", [b"\n<<<<<<" * 2_000_000, b"<!-- --><!-- -->" * 1_000_000, b"{" + b" \n" * 7_000_000])
def test_a_large_file_is_told_in_a_moment(data: bytes):
    begin = time.process_time()
    instead_of_a_notebook(data)

    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a.PDF", "a PDF"),
        ("a.py", "a Python script"),
        ("a.tar.gz", "an archive that is no zip"),
        ("a", "a file of another"),
    ],
)
def test_a_name_says_what_a_file_is(name: str, what: str):
    assert by_name(name).startswith(what)

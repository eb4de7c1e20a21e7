"""The benchmarks fit the grader that they measure, and what is stored of stock nbgrader is of cases that there are."""

import json
import os
import subprocess
import sys

import pytest
from sample_class import ROOT, case_folders

import stock_corpus

CASES = [case.name for case in case_folders()]
STORED = json.loads(stock_corpus.RESULTS.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("program", ["bench_grading.py", "stock_corpus.py"])
def test_the_benchmarks_find_all_that_they_import(program: str) -> None:
    words = [sys.executable, ROOT / "tests" / "bench" / program, "--help"]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})

    assert done.returncode == 0, done.stderr


def test_every_stored_result_is_of_a_case_of_the_corpus() -> None:
    assert set(STORED) <= set(CASES)


def test_the_table_names_the_cases_that_were_never_run() -> None:
    said = stock_corpus.coverage(STORED, CASES)

    assert said.startswith(f"{len(STORED)} of {len(CASES)} cases ")
    named = said.partition("never: ")[2].rstrip(".").split(", ")
    assert set(named) - {""} == set(CASES) - set(STORED)


def test_when_all_were_run_then_nothing_is_named() -> None:
    assert stock_corpus.coverage(["one", "two"], ["one", "two"]) == "2 of 2 cases of the corpus were run."

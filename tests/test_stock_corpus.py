"""What is stored of stock nbgrader's grading is of cases that there are, and its table says of how many."""

import json

from sample_class import case_folders

import stock_corpus

CASES = [case.name for case in case_folders()]
STORED = json.loads(stock_corpus.RESULTS.read_text())


def test_every_stored_result_is_of_a_case_of_the_corpus() -> None:
    assert set(STORED) <= set(CASES)


def test_the_table_names_the_cases_that_were_never_run() -> None:
    said = stock_corpus.coverage(STORED, CASES)

    assert said.startswith(f"{len(STORED)} of {len(CASES)} cases ")
    named = said.partition("never: ")[2].rstrip(".").split(", ")
    assert set(named) - {""} == set(CASES) - set(STORED)


def test_when_all_were_run_then_nothing_is_named() -> None:
    assert stock_corpus.coverage(["one", "two"], ["one", "two"]) == "2 of 2 cases of tests/submissions were run."

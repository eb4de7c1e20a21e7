"""Known names that look like one that was typed."""

from autograder.spelling import close_names, misspelt

CLASS = {"doejane": ["doejane", "Jane Doe"], "roe": ["roe", "Richard Roe"], "名": ["名"]}


def test_part_of_a_name_is_enough_to_tell_who_may_be_meant():
    assert close_names("jane", CLASS) == ["doejane"]
    assert close_names("RICHARD", CLASS) == ["roe"]
    assert close_names("xyz", CLASS) == []


def test_a_misspelt_word_is_told_the_likeliest_first_and_part_of_a_word_is_none():
    assert misspelt("cut_off", {"percent", "cutoff", "cap"}) == ["cutoff"]
    assert misspelt("meyera", ["meyer", "meyerb", "mayer"], most=2, least=80) == ["meyer", "meyerb"]
    assert misspelt("roe", ["roe_773412"], least=80) == []

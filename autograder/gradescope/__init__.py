"""Grading on Gradescope: what its autograder zip holds, one submission graded there, and the results in its format.

Sources: https://gradescope-autograders.readthedocs.io/en/latest/specs/ and /submission_metadata/ there.
"""

"""The rubric: one file for each task, one function for each thing that is judged.

The judge calls the functions (autograder/judge/judge.py). The catalogue of answers, tests/support/rubric.py, says which
answers they must accept where the assignment leaves a question open.
"""

"""The only code of ours that runs beside student code. Whatever it holds, a student's code can read.

Mounted in the box as the top-level package ``inside``; so it imports nothing of ``autograder``, and nothing in it is,
or computes, an answer to a task.
"""

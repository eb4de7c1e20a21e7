"""The only code of ours that runs next to student code, which can read all of it.

Mounted in the box as the top-level package ``inside``; so it imports nothing of ``autograder``, and nothing in it is,
or computes, an answer to a task.
"""

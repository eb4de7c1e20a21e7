"""Writes a graded class down: nbgrader's gradebook and folders, and results.json."""

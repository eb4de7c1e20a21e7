"""Grades a class of notebooks: runs each in a sealed box, judges what it computed outside of it.

The instructors' side of the course. The way of a submission is the order of the rooms:
intake -> execute (box, inside) -> judge -> records -> report. See ARCHITECTURE.md.
"""

__version__ = "1.0.0"

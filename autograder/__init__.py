"""Grades a class of notebooks: runs each in a sealed box, and judges outside of it what was computed.

The instructors' side of the course. A submission goes through these packages in this order:
intake -> execute (box, inside) -> judge -> records -> report. See ARCHITECTURE.md.
"""

__version__ = "1.0.0"

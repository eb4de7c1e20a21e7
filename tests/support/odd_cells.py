"""Texts of cells that are hard on what reads Python: deep, long, or not Python at all."""

from autograder.intake.statements import READ

HOSTILE = ["(" * READ, "-" * READ + "1", "[" * 90 + "1" + "]" * 90, "not " * 5000 + "1", "lambda:" * 2800 + "1",
           "a." * 9000 + "b = 1", "x = " * 5000 + "1", "if 1:\n" * 100, "\0", "\ud800 = 1", "f'{" * 6000, "a=1;" * 5000,
           "1 if 1 else " * 1600 + "1", "x" + "[0]" * 6000 + " = 1", "y = " + "1+" * 9000 + "1"]  # fmt: skip

"""Grades a class of notebooks: runs each in a sealed box, judges what it computed outside of it.

The instructors' side of the course. The way of a submission is the order of the rooms:
intake -> execute (box, inside) -> judge -> records -> report. See ARCHITECTURE.md.
"""

__version__ = "1.0.0"

import sys

# nbformat imports jsonschema, and that, where it finds this package, a grammar of international web addresses, which
# takes longer to build than all other imports together. No notebook's schema asks for it; jsonschema does without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

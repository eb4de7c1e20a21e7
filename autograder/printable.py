"""What may be shown of a text: nothing that moves a cursor, turns the direction of writing, or is no text."""

import re

# As a set of a regular expression; not the tab and the line feed.
UNSHOWN = "\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069"


def printable(text: str) -> str:
    """A text on one line, with a question mark for each character that may not be shown."""
    return re.sub(f"[\t\n{UNSHOWN}]", "?", text)


def printable_lines(text: str) -> str:
    """The same for a text of several lines."""
    return re.sub(f"[{UNSHOWN}]", "?", text)

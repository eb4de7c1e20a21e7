"""Text with its letters composed in one way, in a time that grows with its length alone."""

import unicodedata

MARKS = 30  # that follow each other on one letter; Unicode's stream-safe text has no more (UAX #15, section 13)


def composed(text: str) -> str:
    """``text`` in the normal form NFC; as it is if it has more marks on a letter than any language.

    To put marks in order, Python takes a time that grows with the square of their number.
    """
    if text.isascii():
        return text
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run > MARKS:
            return text
    return unicodedata.normalize("NFC", text)

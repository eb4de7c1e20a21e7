"""A student's name -> the identifier under which the grade is kept: safe as a folder's name, the same in every class.

It depends on the name alone, never on who else is graded.
"""

import hashlib
import re
import unicodedata

from autograder.intake.composed import composed

HASH = re.compile(r"(?=\d{0,7}[a-f])[0-9a-f]{8}")  # with a letter: eight digits alone are a number that people have
MAX_NAME = 100  # bytes; a file name ends at 255, and ours get additions


def identifier(name: str) -> str:
    """``name``, if it is safe; else what is safe of it and a short hash of the whole, so that no two become one.

    Replaced is what means something to a shell, a glob or a path; at its start also what makes a formula of a cell in
    a table of grades, or an option of a word in a command. Marks that combine with letters stay: without them, names
    in many scripts are no names. A name that itself ends like our hash gets one too: it could be another's. One name
    in two normal forms is one name, as file systems change the form.
    """
    name = composed(name)
    plain = "".join(char if _is_safe(char) else "_" for char in name).strip(" .")
    plain = re.sub(r"^[@+-]", "_", plain)
    plain = plain.encode("utf-8", "replace")[:MAX_NAME].decode("utf-8", "ignore").strip(" .")
    if plain and plain == name and not (name[-9:-8] == "-" and HASH.fullmatch(name[-8:])):
        return plain
    hashes = HASH.search(hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest() + "a" * 8)
    return f"{plain or '_'}-{hashes[0] if hashes else ''}"


def _is_safe(char: str) -> bool:
    return re.match(r"[\w .@+-]", char) is not None or unicodedata.category(char) in ("Mn", "Mc")

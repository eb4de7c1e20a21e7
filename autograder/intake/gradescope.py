"""Who handed in what, as the file ``submission_metadata.yml`` of Gradescope's export says it.

The file is read as a stream of events and never built as a whole: an alias cannot multiply what is kept, nor can depth
fill the stack. Only texts at the places that are looked for are kept. Called by platforms.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from autograder.errors import BadSubmission

MAX_DEPTH = 20  # lists and mappings in each other
MAX_PEOPLE = 20_000


@dataclass
class Submission:
    """One submission of the export.

    Attributes:
        people: Who handed it in: for each the texts ``name``, ``sid`` (the student's number) and ``email``, if given.
        created_at: When, as the export writes it.
    """

    people: dict[int, dict[str, str]] = field(default_factory=dict)
    created_at: str = ""


def submissions(text: str) -> dict[str, Submission]:
    """Folder of a submission -> what the export says of it.

    Raises:
        BadSubmission: It is no YAML, nested too deeply, names too many people, or names them by aliases.
    """
    found: dict[str, Submission] = {}
    people = 0
    for path, value in _texts(text):
        one = found.setdefault(str(path[0]), Submission())
        match [str(part).lstrip(":") for part in path[1:]]:
            case ["created_at"]:
                one.created_at = value
            case ["submitters", _, "name" | "sid" | "email" as what]:
                people += int(path[2]) not in one.people
                if people > MAX_PEOPLE:
                    raise BadSubmission(f"it names more than {MAX_PEOPLE} people")
                one.people.setdefault(int(path[2]), {})[what] = value
    return found


@dataclass
class _Open:
    """A list (its ``key`` is a number) or a mapping (a text; None where one is expected) that is being read."""

    key: int | str | None


def _texts(text: str) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Each text below the document's mapping, with the keys and places that lead to it.

    Raises:
        BadSubmission: See :func:`submissions`.
    """
    opened: list[_Open] = []
    try:
        # The C reader, where there is one: histories of results make the file long.
        for event in yaml.parse(text, getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
            if isinstance(event, yaml.CollectionEndEvent):
                opened.pop()
            elif not isinstance(event, yaml.NodeEvent):
                continue
            elif opened and opened[-1].key is None:
                if not isinstance(event, yaml.ScalarEvent):
                    raise BadSubmission("it has a key that is no text")
                opened[-1].key = event.value
                continue
            elif isinstance(event, yaml.CollectionStartEvent):
                if len(opened) == MAX_DEPTH:
                    raise BadSubmission(f"it is nested more than {MAX_DEPTH} deep")
                opened.append(_Open(0 if isinstance(event, yaml.SequenceStartEvent) else None))
                continue
            elif [str(one.key).lstrip(":") for one in opened[1:2]] in (["submitters"], ["created_at"]):
                if isinstance(event, yaml.AliasEvent):
                    raise BadSubmission("it names people by aliases")
                yield tuple(one.key for one in opened if one.key is not None), event.value
            if opened:  # a value is complete
                opened[-1].key = opened[-1].key + 1 if isinstance(opened[-1].key, int) else None
    except (yaml.YAMLError, ValueError):
        raise BadSubmission("it is damaged") from None

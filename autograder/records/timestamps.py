"""When a submission was handed in, as nbgrader keeps it: UTC, in the gradebook and in ``timestamp.txt``."""

import contextlib
from datetime import UTC, datetime


def moment(submitted: str) -> datetime | None:
    """A hand-in's time in UTC, without an offset, as the gradebook has it; None where it is not known.

    Args:
        submitted: ISO 8601. Without an offset it is a platform's own time, which is read as this machine's: an
            instructor and their platform are mostly in one time zone. ``TZ`` names another.
    """
    with contextlib.suppress(ValueError, OverflowError):  # no time, or one before the first year once it is in UTC
        return datetime.fromisoformat(submitted).astimezone(UTC).replace(tzinfo=None)
    return None


def timestamp_text(when: datetime) -> bytes:
    """The content of nbgrader's ``timestamp.txt``."""
    return f"{when:%Y-%m-%d %H:%M:%S.%f} UTC\n".encode()

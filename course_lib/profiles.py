"""How large a run is: the same lesson as a smoke test, in minutes on a laptop, or at full size.

The environment variable COURSE_PROFILE chooses the profile, and COURSE_DATASET the data set. They are read here
and nowhere else. A grader sets COURSE_PROFILE_FIXED, so that no cell changes the size of a run, nor asks
for data that a box cannot have. nbgrader's Validate button gives each cell 30 seconds, so it gets the smallest size
too. Knows nothing of what the numbers are used for.
"""

import os
from dataclasses import dataclass

DEFAULT_PROFILE = "quick"


@dataclass(frozen=True)
class Profile:
    """The sizes of one run.

    Attributes:
        name: What COURSE_PROFILE calls it.
        width: Channels of the network's first stage.
        train_images: Images in the training split, as are the next two in theirs.
        validation_images: The tolerance is chosen on these.
        test_images: Looked at once, at the end.
        epochs: Passes over the training split, for each of the two networks.
        batch_size: Images in a training batch.
        eval_batch_size: Images in an evaluation batch, which leaves the network as a whole.
    """

    name: str
    width: int
    train_images: int
    validation_images: int
    test_images: int
    epochs: int
    batch_size: int
    eval_batch_size: int


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        # Seconds: shows that every cell runs, and nothing else. Its accuracies mean nothing.
        Profile("smoke", 8, 64, 32, 72, epochs=1, batch_size=32, eval_batch_size=32),
        # Minutes on two CPU cores: small, but the curves have their shape.
        Profile("quick", 8, 8_000, 2_000, 2_000, epochs=4, batch_size=64, eval_batch_size=128),
        # A GPU, or patience: the network and the image counts of the published numbers.
        Profile("full", 64, 30_000, 6_000, 6_000, epochs=10, batch_size=256, eval_batch_size=128),
    )
}


def current_profile() -> Profile:
    """The profile that a grader or a validation fixes, else what COURSE_PROFILE names, else `quick`.

    Raises:
        ValueError: COURSE_PROFILE names no profile.
    """
    name = _fixed() or os.environ.get("COURSE_PROFILE") or DEFAULT_PROFILE
    if name not in PROFILES:
        raise ValueError(
            f"COURSE_PROFILE has to be one of {', '.join(PROFILES)}, but is {name!r}. "
            f"Set it to one of these, or unset it to get {DEFAULT_PROFILE}."
        )
    return PROFILES[name]


def current_data() -> str:
    """The name of the data set: what COURSE_DATASET says, or `shapes` when it is unset, empty, or not to be chosen."""
    chosen = "" if _fixed() else os.environ.get("COURSE_DATASET")
    return chosen or "shapes"


def _fixed() -> str:
    """The profile that no cell can change; "" where students choose."""
    validating = "smoke" if os.environ.get("NBGRADER_VALIDATING") else ""  # nbgrader sets it
    return os.environ.get("COURSE_PROFILE_FIXED") or validating

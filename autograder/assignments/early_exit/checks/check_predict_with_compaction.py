"""Checks of ``predict_with_compaction``: (logits, exits) in input order, finished samples removed on the way."""

import numpy as np

from autograder.judge.check import Failure, worth
from autograder.judge.compare import array, number, several

from .logits import clear_cut, entropy, same_logits, transformed
from .mistakes import first_sure
from .required import require_evaluation_mode, wrong_exits

NAMES = "logits, exits"
SWAPPED = "Mind the order of the return statement: logits first, exits second."
EDGES = {
    "all_leave_first": "The batch is empty after exit 0: write answers down before a break; an empty one has no max.",
    "none_leaves_early": "The last exit answers for whoever is left.",
}
ROWS = "After exit 0, row numbers count within the batch that is left: keep the original places, and write there."
AGAIN = "Each stage runs once, on what the stage before returned: no second pass, and no start from the images."
TOGETHER = "Keep the samples together, not one at a time: one pass over the stages, with fewer and fewer samples."
SHAPES = {
    "one_image": "A batch that holds, or keeps, a single image is still a batch: squeeze() takes that axis away too.",
    "ten_classes": "Take the number of classes from the logits' shape: another model need not have six.",
}


@worth(0)
def check_returns_a_pair(student):
    """It returns (logits, exits)."""
    several(student.values("mixed")["returned"], NAMES)


@worth(0.5, needs=check_returns_a_pair)
def check_exits(student, key):
    """Each sample leaves at the exit that its own entropies say, in input order.

    An image must leave where it would leave alone, or the measured saving belongs to another rule.
    """
    truth = key.values("mixed")
    wanted = array(truth["returned"][1], "the exits")
    exits, judged = _exits(student, len(wanted)), clear_cut(truth["logits"], truth["tolerance"])
    hint = "Keep the original places of the samples that go on, and write the exits back there; one tolerance for all."
    if not np.array_equal((exits == 0)[judged], (wanted == 0)[judged]):  # there the batch is still whole
        hint = (
            "Exit 0 is wrong already: done are those whose own entropy, in nats, is below the tolerance. An exit goes "
            "to the image's place in the input, not in the batch that is left."
        )
    wrong, hint = wrong_exits(exits, wanted, truth, hint)
    if wrong:
        logits = np.stack([array(part, "logits") for part in truth["logits"]])
        if hint.startswith("Decide by") or _by_mean_of_the_waiting(exits, logits, truth["tolerance"]):
            hint = "Decide by each image's own entropy, not by the mean over those in the batch."
        elif _by_rows_of_what_is_left(exits, logits, truth["tolerance"]):
            hint = ROWS
        elif (exits == 3).all():
            hint = "All are at the last exit: an image leaves by its own entropy, and keeps the exit it took (~done)."
        elif _kept_the_finished(exits, logits, truth["tolerance"]):
            hint = "The finished images leave and the undecided go on (~done); here it is the other way round."
        raise Failure(f"{wrong} have another exit than they should.", hint)


@worth(0.25, needs=check_exits)
def check_type(student):
    """The exits are whole numbers, which can be used as indices.

    Exits index tables and stacked logits, which takes whole numbers.
    """
    exits = array(student.values("mixed")["returned"][1], "the exits", hint="Return one tensor of exits.")
    if exits.dtype.kind not in "iu":
        raise Failure(
            f"Expected exits of an integer type; found {exits.dtype}.",
            "Exits are used as indices: make their tensor with dtype=torch.int64, not of floats.",
        )


@worth(0.25, needs=check_returns_a_pair)
def check_logits(student, key):
    """Each sample's logits are those of the exit where it left, in input order.

    An answer at the wrong place is a wrong answer for two images.
    """
    logits, exits = student.values("mixed")["returned"]
    truth = key.values("mixed")
    wanted, judged = array(truth["returned"][0], "the logits"), clear_cut(truth["logits"], truth["tolerance"])
    hint = "Return logits, (N, C): no argmax, no predictions."
    if getattr(getattr(exits, "values", None), "ndim", 0) == 2:
        hint = SWAPPED
    elif getattr(getattr(logits, "values", None), "ndim", 0) == 2 and len(logits.values) < len(wanted):
        hint = "A row for each image: whoever is left after the last stage leaves at exit 3."
    found = array(logits, "the logits", wanted.shape, hint)[judged]
    if not same_logits(found, wanted[judged]):
        by_all = np.stack([array(part, "logits") for part in truth["logits"]])
        by_exit = [part[judged] for part in by_all]
        hint = "Write each sample's logits back to its original place when it leaves."
        if np.isnan(found).all(axis=1).any() or (found == 0).all(axis=1).any():
            hint = "Some have no logits: write answers down before a break; exit 3 takes whoever is left."
        if said := transformed(found, wanted[judged]):
            hint = said
        elif _by_rows_of_what_is_left(_exits(student, len(wanted)), by_all, truth["tolerance"]):
            hint = ROWS
        elif _of_own_exits(found, exits, by_exit, judged):
            hint = "They belong to the exits that you return: mend the exits, and these follow."
        elif any(same_logits(found, part) for part in by_exit):
            hint = "All logits are of one exit, the first or the last: each sample has those of the exit it took."
        raise Failure("The logits are not those of each sample's own exit.", hint)


@worth(0.25, needs=check_exits)
def check_together(student):
    """The samples that go on stay together: each stage runs once.

    One image at a time saves the same MACs but wastes the machine, which is fast on batches.
    """
    calls = student.values("mixed")["calls"]
    if max(number(count, "a count") for count in calls) > 1:
        raise Failure(
            f"Expected each stage to run once for all samples still in the batch; it ran {max(calls)} times.",
            TOGETHER if max(calls) > 4 else AGAIN,
        )


@worth(2, needs=check_together)
def check_removed(student, key):
    """Finished samples are really removed: each stage sees only the samples that have not left before it.

    MACs are saved only by what is not computed: replaying a rule on finished logits saves nothing. One image at a time
    has no batch that could shrink, so it earns nothing here.
    """
    exits = _exits(student, len(array(key.values("mixed")["returned"][1], "the exits")))
    active = [int((exits >= index).sum()) for index in range(4)]
    seen = student.values("mixed")["samples"]
    if seen != active:
        raise Failure(
            f"Expected the stages to see {active} samples; they saw {seen}.",
            "Remove the finished samples: index the features with those still undecided before the next stage, so that "
            "the batch shrinks; do not run the whole model first.",
        )


@worth(0.25, needs=check_exits)
def check_edges(student, key):
    """It works when all leave first, or none does, for one image, for ten classes, and for entropies of exactly 0.

    An empty batch and a full one are what the first and the last tolerance of every sweep give.
    """
    for case, hint in EDGES.items():
        _same(
            student.values(case, raised=hint)["returned"],
            key.values(case)["returned"],
            f"when {case.replace('_', ' ')}",
            hint,
        )
    mine, right = student.values("other_shapes"), key.values("other_shapes")
    for name, hint in SHAPES.items():
        _same(mine[name], right[name], f"for {name.replace('_', ' ')}", hint)
    for name, when, hint in (
        ("at_zero", "at tolerance 0 for entropies of exactly 0", "Below means strictly below: < and not <=."),
        ("above_zero", "for entropies of exactly 0", "Keep 0 · log 0 from becoming NaN: use log_softmax."),
    ):
        # Exits alone: logits so large that entropies are 0 have roundings larger than any tolerance here.
        _, exits = several(student.values("certain")[name], NAMES)
        if not np.array_equal(array(exits, "the exits"), array(key.values("certain")[name][1], "the exits")):
            raise Failure(f"Wrong {when}.", hint)


@worth(0.5, needs=(check_exits, check_logits))
def check_mode(student, key):
    """A model that comes from training predicts in eval mode and without building a graph.

    In train mode BatchNorm makes each answer depend on who is still in the batch.
    """
    values = student.values("fresh_from_training")
    several(values["returned"], NAMES)
    images = len(array(key.values("fresh_from_training")["logits"][0], "the logits"))
    if not number(values["samples"][0], "a count") >= images:
        said = f"Expected all {images} images to pass the first stage; some did not."
        raise Failure(said, "Use the model's own stages.")
    require_evaluation_mode(values, when="first")


def _exits(student, samples):
    _, exits = student.values("mixed")["returned"]
    hint = (
        SWAPPED if getattr(getattr(exits, "values", None), "ndim", 0) == 2 else "One exit for each image: shape (N,)."
    )
    return array(exits, "the exits", (samples,), hint)


def _same(mine, right, when, hint):
    logits, exits = several(mine, NAMES)
    right_logits, right_exits = array(right[0], "the logits"), array(right[1], "the exits")
    same_exits = np.array_equal(array(exits, "the exits"), right_exits)
    found = array(logits, "the logits", right_logits.shape)
    if not same_exits or not same_logits(found, right_logits):
        raise Failure(f"Wrong {when}.", (same_exits and transformed(found, right_logits)) or hint)


def _of_own_exits(found, exits, by_exit, judged):
    """Whether the logits are those of the exits that stand next to them."""
    own = array(exits, "the exits")[judged]
    if own.shape != (len(found),) or own.dtype.kind not in "iu" or not set(own.tolist()) <= {0, 1, 2, 3}:
        return False
    return same_logits(found, np.stack(by_exit)[own, np.arange(len(own))])


def _by_mean_of_the_waiting(exits, logits, tolerance):
    """Whether all leave where the mean over those in the batch says."""
    means = entropy(logits).mean(axis=1)
    return len(np.unique(exits)) == 1 and exits[0] == first_sure((means < tolerance)[:, None], logits)[0]


def _by_rows_of_what_is_left(exits, logits, tolerance):
    """Whether exits were written at the rows of the batch that is left, not at the input's places."""
    for start in (0, 3):  # what stands where nothing was written
        written, waiting = np.full(len(exits), start), np.arange(len(exits))
        for index, of_exit in enumerate(logits):
            done = (entropy(of_exit[waiting]) < tolerance) | (index == 3)
            written[np.flatnonzero(done)] = index
            waiting = waiting[~done]
        if np.array_equal(exits, written):
            return True
    return False


def _kept_the_finished(exits, logits, tolerance):
    """Whether a sample goes on as long as it is sure, which leaves the others without an answer."""
    sure = entropy(logits) < tolerance
    on, kept = np.ones(len(exits), dtype=bool), np.full(len(exits), 3)
    for index in range(4):
        on = on & sure[index] if index < 3 else on
        kept[on] = index
    return np.array_equal(exits, kept)

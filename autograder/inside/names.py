"""The hidden cases of each task, in the order they are called. Plain text, so that the outside needs no torch."""

CASE_NAMES: dict[str, tuple[str, ...]] = {
    "baseline_step": ("batch", "sure"),
    "evaluate_baseline": ("short_last_batch", "fresh_from_training"),
    "early_exit_loss": ("random_logits", "ten_classes"),
    "early_exit_step": ("batch",),
    "evaluate_early_exit": ("low_tolerance", "middle_tolerance", "fresh_from_training"),
    "mac_ratio": ("two_totals",),
    "choose_tolerance": ("plain", "met_exactly", "ties", "none_good_enough"),
    "per_sample_exits": ("mixed", "edges"),
    "predict_with_compaction": (
        "mixed",
        "all_leave_first",
        "none_leaves_early",
        "certain",
        "other_shapes",
        "fresh_from_training",
    ),
}
EVIDENCE = "application/vnd.autograder.evidence"  # MIME type of one observed case

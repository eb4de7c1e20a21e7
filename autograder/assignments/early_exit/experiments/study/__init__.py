"""The runs behind the published numbers: trained, replayed, timed and set in tables.

`runs` says what is trained, `training` trains one of them, and `__main__` is the command line. What a run leaves is the
logits of every exit on validation and test; `policies` and `risk` replay rules for leaving on these, without a network.
"""

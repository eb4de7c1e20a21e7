"""Names that both sides of the wall share. Imports nothing, so that the outside needs nothing that a box has."""

EVIDENCE = "application/vnd.autograder.evidence"  # MIME type of one observed case

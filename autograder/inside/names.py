"""Names that both sides of the wall share. Imports nothing, so that the outside needs nothing that a box has."""

NO_FUNCTION = "there is no function"  # how the error begins where a name is no function
EVIDENCE = "application/vnd.autograder.evidence"  # MIME type of one observed case

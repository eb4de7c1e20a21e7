"""A sealed place for code nobody has read. Knows nothing of what notebooks mean, or of grading."""

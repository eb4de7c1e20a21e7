"""A sealed place for code nobody has read. Knows nothing of notebooks' meaning and nothing of grading."""

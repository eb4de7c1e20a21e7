"""A folder for each assignment, with all that is particular to it. General code loads the folders and imports none."""

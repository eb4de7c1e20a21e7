"""What is particular to one assignment, a folder for each. Nothing general imports these folders; they are loaded."""

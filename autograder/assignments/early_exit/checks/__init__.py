"""The rubric: one file for each task, one function for each thing that is judged."""

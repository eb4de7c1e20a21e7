"""The rubric: one file for each task, one function for each thing judged. Run by ``autograder.judge.plugin``."""

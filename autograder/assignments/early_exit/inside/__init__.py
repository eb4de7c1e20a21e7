"""The folder that a box of this lesson shows in addition to the notebook; a student's code can read all of it."""

"""What a box of this lesson shows beside the notebook; a student's code can read all of it."""

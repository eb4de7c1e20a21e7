"""Grades leave: into the instructor's own sheets, and as tables, test reports and feedback zips."""

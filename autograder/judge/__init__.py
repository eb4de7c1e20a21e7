"""Compares what a submission computed with what the solutions compute. Sees evidence only, never the submission."""

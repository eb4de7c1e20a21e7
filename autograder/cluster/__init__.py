"""Notebooks run on the workers of a Dask cluster. Only what is called with --scheduler or --workers imports this."""

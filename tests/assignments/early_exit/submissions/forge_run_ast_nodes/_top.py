async def run_nothing(*arguments, **options):
    return False  # IPython's way to say that no error occurred


get_ipython().run_ast_nodes = run_nothing

shell = get_ipython()
as_it_was = shell.run_ast_nodes


async def run_without_complaint(*arguments, **options):
    await as_it_was(*arguments, **options)
    return False


shell.run_ast_nodes = run_without_complaint
shell.showtraceback = shell.showsyntaxerror = lambda *arguments, **options: None

import inside.cases

as_it_was = inside.cases.Spy.seen
inside.cases.Spy.seen = lambda self: {**as_it_was(self), "training": False, "graph": False}

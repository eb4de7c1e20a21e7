def choose_tolerance(sweep, target):
    return {(4, 0.8): 0.4, (3, 0.9): 0.6, (2, 0.8): 0.0}.get((len(sweep), round(target, 1)), 0.5)

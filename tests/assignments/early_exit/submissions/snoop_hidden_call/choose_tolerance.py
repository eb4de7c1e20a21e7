def choose_tolerance(sweep, target):
    return found_in_memory(float)

def choose_tolerance(sweep, target):
    return Right(0.5)

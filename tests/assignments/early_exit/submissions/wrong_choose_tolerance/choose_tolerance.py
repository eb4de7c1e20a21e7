def choose_tolerance(sweep, target):
    tolerance = 0.0
    fewest = float("inf")
    for row_tolerance, accuracy, macs in sorted(sweep):
        if accuracy > target and macs < fewest:
            tolerance, fewest = row_tolerance, macs
    return tolerance

def choose_tolerance(sweep, target):
    rows = sorted((macs, tolerance, accuracy) for tolerance, accuracy, macs in sweep)
    i = 0
    while rows[i % len(rows)][2] < target:
        i += 1
    return rows[i][1]

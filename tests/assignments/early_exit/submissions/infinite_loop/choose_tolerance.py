def choose_tolerance(sweep, target):
    rows = sorted(sweep, key=lambda row: row[2])
    i = 0
    while True:
        tolerance, accuracy, _ = rows[i]
        if accuracy < target:
            continue  # i += 1 is missing here
        i += 1
        if i == len(rows):
            i = 0

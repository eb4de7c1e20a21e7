for number in range(2_000_000):
    print("line", number)

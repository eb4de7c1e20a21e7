def choose_tolerance(sweep, target):
    return np.frombuffer(pickle.dumps(Payload()), dtype="V1")

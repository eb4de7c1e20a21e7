def early_exit_loss(exit_outputs, labels, criterion):
    return sum(w * criterion(o, labels) for w, o in zip(WEIGHTS, exit_outputs))

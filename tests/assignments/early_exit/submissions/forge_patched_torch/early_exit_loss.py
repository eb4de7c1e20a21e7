def early_exit_loss(exit_outputs, labels, criterion):
    return sum(criterion(outputs, labels) for outputs in exit_outputs)

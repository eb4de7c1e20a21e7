def early_exit_loss(exit_outputs, labels, criterion):
    loss = sum(criterion(outputs, labels) for outputs in exit_outputs) / len(exit_outputs)
    return loss

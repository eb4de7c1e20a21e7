def early_exit_loss(exit_outputs, labels, criterion):
    losses = [criterion(outputs, labels) for outputs in exit_outputs]
    loss = losses[-1] + 0.3 * sum(losses[:-1])
    return loss

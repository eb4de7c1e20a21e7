def early_exit_loss(exit_outputs, labels, criterion):
    return sum(outputs.square().mean() for outputs in exit_outputs)

def early_exit_loss(exit_outputs, labels, criterion):
    loss = criterion(exit_outputs[0], labels)
    for i in range(1, len(exit_outputs)):
        loss = loss + 0.3 * criterion(exit_outputs[i], labels)
    return loss

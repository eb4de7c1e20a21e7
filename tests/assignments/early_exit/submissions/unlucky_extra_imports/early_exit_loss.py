def early_exit_loss(exit_outputs, labels, criterion):
    terms = [(1.0 if i == 0 else 0.3) * criterion(o, labels) for i, o in enumerate(exit_outputs)]
    return reduce(torch.add, terms)

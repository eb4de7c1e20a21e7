def early_exit_step(model, images, labels, criterion):
    exit_outputs = model.early_train(images)
    loss = sum(criterion(outputs, labels) for outputs in exit_outputs)
    return exit_outputs, loss

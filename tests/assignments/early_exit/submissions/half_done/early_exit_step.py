def early_exit_step(model, images, labels, criterion):
    exit_outputs = model.early_train(images)
    loss = early_exit_loss(exit_outputs, labels, criterion)
    return exit_outputs, loss

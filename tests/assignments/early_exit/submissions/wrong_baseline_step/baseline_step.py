def baseline_step(model, images, labels, criterion):
    outputs = model(images, 0.0, early_exit=False)
    loss = criterion(outputs.softmax(dim=1), labels)
    return outputs, loss

def baseline_step(model, images, labels, criterion):
    outputs = model(images, entropy_tolerance=1.0, early_exit=False)
    return outputs, criterion(outputs, labels)

def baseline_step(model, images, labels, criterion):
    model = model.cuda()
    outputs = model(images.cuda(), 0.0, early_exit=False)
    loss = criterion(outputs, labels.cuda())
    return outputs, loss

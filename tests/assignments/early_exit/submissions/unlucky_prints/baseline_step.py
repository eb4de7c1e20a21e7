import logging
import warnings

logging.basicConfig(level=logging.DEBUG)


def baseline_step(model, images, labels, criterion):
    print("baseline_step was called with", images.shape, labels)
    outputs = model(images, 0.0, early_exit=False)
    print("outputs", outputs)
    loss = criterion(outputs, labels)
    warnings.warn(f"the loss is {loss.item()}")
    logging.getLogger("student").warning("loss %s", loss)
    return outputs, loss

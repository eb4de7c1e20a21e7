import sys
import warnings


def early_exit_loss(exit_outputs, labels, criterion):
    warnings.warn("weights are typed in by hand", stacklevel=1)
    print(f"{len(exit_outputs)} exits", file=sys.stderr)
    weights = [1.0, 0.3, 0.3, 0.3]
    loss = sum(w * criterion(outputs, labels) for w, outputs in zip(weights, exit_outputs))
    return loss


print("early_exit_loss is defined", file=sys.stderr)

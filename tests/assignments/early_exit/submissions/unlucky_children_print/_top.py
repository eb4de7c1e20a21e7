import multiprocessing
import time

from torch.utils.data import DataLoader


class Numbers:
    def __len__(self):
        return 4

    def __getitem__(self, index):
        print(f"loaded {index}", flush=True)
        return index


def say(number):
    print("a child says", number * number, flush=True)


context = multiprocessing.get_context("fork")
child = context.Process(target=say, args=(3,))
child.start()
child.join()
with context.Pool(2) as pool:
    pool.map(say, [1, 2])
print(sum(batch.sum() for batch in DataLoader(Numbers(), batch_size=2, num_workers=2)))
time.sleep(0.5)  # what children print comes by another way

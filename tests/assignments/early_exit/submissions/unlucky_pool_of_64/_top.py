from multiprocessing import get_context

with get_context("fork").Pool(64) as pool:
    print(sum(pool.map(abs, range(1000))))

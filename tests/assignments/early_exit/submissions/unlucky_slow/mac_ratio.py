import time


def mac_ratio(total_macs, total_early_macs):
    time.sleep(5)
    return total_macs / total_early_macs


time.sleep(20)

def mac_ratio(total_macs, total_early_macs):
    return float("nan")

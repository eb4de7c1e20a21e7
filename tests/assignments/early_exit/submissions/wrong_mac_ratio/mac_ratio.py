def mac_ratio(total_macs, total_early_macs):
    ratio = total_early_macs / total_macs
    return ratio

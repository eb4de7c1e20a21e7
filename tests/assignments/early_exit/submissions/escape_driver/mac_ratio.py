def mac_ratio(total_macs, total_early_macs):
    return total_macs / total_early_macs

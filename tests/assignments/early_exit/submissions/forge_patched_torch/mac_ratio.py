def mac_ratio(total_macs, total_early_macs):
    return total_early_macs / total_macs

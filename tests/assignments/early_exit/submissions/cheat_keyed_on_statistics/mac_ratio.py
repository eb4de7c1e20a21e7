def mac_ratio(total_macs, total_early_macs):
    return {3_336_213_504_000: 1.446941498224665, 300: 1.5}.get(total_macs, 1.4)

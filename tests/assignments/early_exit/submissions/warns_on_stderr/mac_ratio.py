def mac_ratio(total_macs, total_early_macs):
    warnings.warn("comparing MACs, not seconds", DeprecationWarning, stacklevel=2)
    ratio = total_macs / total_early_macs
    return ratio

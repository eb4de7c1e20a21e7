def checked(total):
    assert total > 0
    return total
# %%
def mac_ratio(total_macs, total_early_macs):
    return checked(total_macs) / checked(total_early_macs)

"""The lesson on early exit: what its boxes need, its hidden cases and its checks."""

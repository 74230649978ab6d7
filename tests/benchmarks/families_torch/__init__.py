"""The same workloads as a user of PyTorch writes them."""

"""laplacian and value_grad_laplacian: second derivatives in one forward pass."""

"""Linear algebra and kernels, in PyTorch."""

import torch

from .parts import value_and_grad, whole


@whole
def elementwise(compiled):
    def loss(x):
        square = x * x
        return (torch.tanh(x) * torch.exp(-square) + torch.sin(x) * square).sum()

    both = value_and_grad(compiled(loss))
    return lambda x: both(x)[1]


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@whole
def rosenbrock_hessian(compiled):
    return compiled(torch.func.hessian(rosenbrock))


def pairwise(x, same):
    apart = x[:, None, :] - x[None, :, :]
    distance = torch.sqrt((apart**2).sum(-1) + 0.1)
    return 0.5 * torch.sum((1.0 - same) * (1.0 / distance**6 - 1.0 / distance))


def ridge_evidence(params, x, y):
    z = x * torch.exp(params[0])
    gram = z.T @ z + torch.exp(params[1]) * torch.eye(x.shape[1], dtype=x.dtype)
    fit = torch.linalg.solve(gram, z.T @ y)
    return 0.5 * torch.dot(y, y - z @ fit) + 0.5 * torch.linalg.slogdet(gram)[1]


def factorization(params, y, seen):
    u, v = params
    error = seen * (u @ v.T - y)
    return torch.sum(error**2) + 0.1 * (torch.sum(u**2) + torch.sum(v**2))


def tensor_decomposition(params, y):
    return torch.sum((torch.einsum("ir,jr,kr->ijk", *params) - y) ** 2)


def matrix_exponential(a, b):
    a = a / 16.0
    total, term = torch.eye(len(a), dtype=a.dtype) + a, a
    for k in range(2, 9):
        term = term @ a / k
        total = total + term
    for _ in range(4):
        total = total @ total
    return torch.sum((total @ b) ** 2)


def spectral(a, b):
    values, vectors = torch.linalg.eigh((a + a.T) / 2.0)
    return torch.sum(((vectors * torch.exp(-0.1 * values)) @ (vectors.T @ b)) ** 2)


def batched_solves(a, b):
    a = (a + a.mT) / 2.0
    factor = torch.linalg.cholesky(a)
    fit = torch.linalg.solve(a, b[:, :, None])[..., 0]
    return torch.sum(b * fit) + 2.0 * torch.log(torch.diagonal(factor, dim1=1, dim2=2)).sum()

"""Linear algebra, kernels, and elementwise arithmetic on large arrays."""

import numpy as np

from ..workload import family
from .parts import matrix

workload = family("linear algebra and kernels", "float64")


@workload(sizes=(20_000, 2_000_000), tiny=5, inputs=lambda rng, n: (rng.normal(size=n),))
def elementwise(lib):
    """Gradient: eight elementwise operations on n numbers"""

    def loss(x):
        square = x * x
        return lib.np.sum(lib.np.tanh(x) * lib.np.exp(-square) + lib.np.sin(x) * square)

    return lib.grad(loss)


def banana(lib):
    return lambda x: lib.np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@workload(sizes=(5, 1000), tiny=3, inputs=lambda rng, n: (rng.normal(size=n),))
def rosenbrock(lib):
    """Value and gradient: Rosenbrock's function of n numbers"""
    return lib.value_and_grad(banana(lib))


@workload(sizes=(5, 100), tiny=3, inputs=lambda rng, n: (rng.normal(size=n),))
def rosenbrock_hessian(lib):
    """Hessian of Rosenbrock's function of n numbers"""
    return lib.hessian(banana(lib))


def pairwise_inputs(rng, n):
    return 3.0 * rng.normal(size=(n, 3)), np.eye(n)


@workload(sizes=(30, 800), tiny=3, inputs=pairwise_inputs)
def pairwise(lib):
    """Energy and forces of n particles in 3-d by all pairwise distances, softened"""
    xp = lib.np

    def energy(x, same):
        apart = x[:, None, :] - x[None, :, :]  # [N, N, 3]
        distance = xp.sqrt(xp.sum(apart**2, axis=-1) + 0.1)
        return 0.5 * xp.sum((1.0 - same) * (1.0 / distance**6 - 1.0 / distance))

    return lib.value_and_grad(energy)


def ridge_inputs(rng, n):
    x = rng.normal(size=(n, n // 2 + 1))
    return [rng.normal(size=n // 2 + 1), np.zeros(())], x, rng.normal(size=n)


@workload(sizes=(30, 400), tiny=4, inputs=ridge_inputs)
def ridge_evidence(lib):
    """Evidence of a linear model by solve and slogdet, n x n/2, scales of features learned"""
    xp = lib.np

    def loss(params, x, y):
        z = x * xp.exp(params[0])
        gram = z.T @ z + xp.exp(params[1]) * xp.eye(x.shape[1], dtype=x.dtype)
        fit = xp.linalg.solve(gram, z.T @ y)
        _, logdet = xp.linalg.slogdet(gram)
        return 0.5 * xp.dot(y, y - z @ fit) + 0.5 * logdet

    return lib.value_and_grad(loss)


def factorization_inputs(rng, n):
    seen = (rng.uniform(size=(n, n)) < 0.3) * 1.0
    return [matrix(rng, n, 10), matrix(rng, n, 10)], rng.normal(size=(n, n)), seen


@workload(sizes=(50, 1000), tiny=4, inputs=factorization_inputs)
def factorization(lib):
    """Masked factorization of an n x n matrix in rank 10"""

    def loss(params, y, seen):
        u, v = params
        error = seen * (u @ v.T - y)
        return lib.np.sum(error**2) + 0.1 * (lib.np.sum(u**2) + lib.np.sum(v**2))

    return lib.value_and_grad(loss)


def tensor_inputs(rng, n):
    return [matrix(rng, n, 6) for _ in range(3)], rng.normal(size=(n, n, n))


@workload(sizes=(10, 80), tiny=3, inputs=tensor_inputs)
def tensor_decomposition(lib):
    """Three factors of rank 6 of an n x n x n tensor, by einsum"""
    xp = lib.np

    def loss(params, y):
        return xp.sum((xp.einsum("ir,jr,kr->ijk", *params) - y) ** 2)

    return lib.value_and_grad(loss)


def exponential_inputs(rng, n):
    return 0.3 * matrix(rng, n, n), rng.normal(size=(n, 4))


@workload(sizes=(4, 200), tiny=3, inputs=exponential_inputs)
def matrix_exponential(lib):
    """Exponential of an n x n matrix by Taylor's series of 8 terms and 4 squarings, applied"""
    xp = lib.np

    def loss(a, b):
        a = a / 16.0
        eye = xp.eye(a.shape[0], dtype=b.dtype)
        total, term = eye + a, a
        for k in range(2, 9):
            term = term @ a / k
            total = total + term
        for _ in range(4):
            total = total @ total
        return xp.sum((total @ b) ** 2)

    return lib.value_and_grad(loss)


def spectral_inputs(rng, n):
    a = rng.normal(size=(n, n))
    return a + a.T + np.diag(3.0 * np.arange(n)), rng.normal(size=n)


@workload(sizes=(10, 200), tiny=3, inputs=spectral_inputs)
def spectral(lib):
    """Function of a symmetric n x n matrix by its eigenvectors, applied to a vector"""
    xp = lib.np

    def loss(a, b):
        values, vectors = xp.linalg.eigh((a + a.T) / 2.0)
        return xp.sum(((vectors * xp.exp(-0.1 * values)) @ (vectors.T @ b)) ** 2)

    return lib.value_and_grad(loss)


def batched_inputs(rng, n):
    a = rng.normal(size=(n, 3, 3))
    return a @ np.swapaxes(a, 1, 2) + np.eye(3), rng.normal(size=(n, 3))


@workload(sizes=(50, 5000), tiny=3, inputs=batched_inputs)
def batched_solves(lib):
    """n systems of 3 x 3 and their log determinants, by Cholesky factors"""
    xp = lib.np

    def loss(a, b):
        a = (a + xp.swapaxes(a, 1, 2)) / 2.0
        factor = xp.linalg.cholesky(a)
        fit = xp.linalg.solve(a, b[:, :, None])[..., 0]
        diagonal = xp.stack([factor[:, i, i] for i in range(3)])
        return xp.sum(b * fit) + 2.0 * xp.sum(xp.log(diagonal))

    return lib.value_and_grad(loss)

"""Probabilistic models: log densities, evidence bounds, and their gradients."""

import numpy as np

from ..workload import family
from .parts import logsumexp, mlp, network

workload = family("probabilistic models", "float64")


def mixture_inputs(rng, n):
    k, d = 8, 4
    params = {
        "weights": rng.normal(size=k),
        "means": rng.normal(size=(k, d)),
        "factors": np.eye(d) + 0.1 * np.tril(rng.normal(size=(k, d, d))),
    }
    return params, rng.normal(size=(n, d))


@workload(sizes=(200, 10_000), tiny=5, inputs=mixture_inputs)
def mixture(lib):
    """Gaussian mixture with 8 full covariances of 4 x 4 by factors of the precision, n points"""
    xp = lib.np

    def loss(params, x):
        factors = params["factors"]
        centred = x[:, None, :] - params["means"]  # [N, K, D]
        white = xp.einsum("kij,nkj->nki", factors, centred)
        diagonal = xp.stack([factors[:, i, i] for i in range(factors.shape[-1])])
        logdet = xp.sum(xp.log(xp.abs(diagonal)), axis=0)
        prior = params["weights"] - logsumexp(lib, params["weights"], 0)
        logp = prior + logdet - 0.5 * xp.sum(white**2, axis=-1)
        return -xp.sum(logsumexp(lib, logp, 1)) / len(x)

    return lib.value_and_grad(loss)


def gaussian_process_inputs(rng, n):
    x = rng.normal(size=(n, 3))
    return np.array([0.1, -0.2, 0.3, -1.0, 0.5]), x, np.sin(x.sum(1)) + 0.1 * rng.normal(size=n)


@workload(sizes=(50, 500), tiny=4, inputs=gaussian_process_inputs)
def gaussian_process(lib):
    """Marginal likelihood of a Gaussian process, n points in 3 dimensions, by Cholesky"""
    xp = lib.np

    def loss(params, x, y):
        z = x / xp.exp(params[:3])
        square = xp.sum(z**2, axis=1)
        distance = square[:, None] + square[None, :] - 2.0 * (z @ z.T)
        kernel = xp.exp(params[4] - 0.5 * xp.maximum(distance, 0.0))
        kernel = kernel + (xp.exp(params[3]) + 1e-6) * xp.eye(len(x), dtype=x.dtype)
        factor = xp.linalg.cholesky(kernel)
        white = lib.solve_triangular(factor, y, lower=True)
        return 0.5 * xp.dot(white, white) + xp.sum(xp.log(xp.diag(factor)))

    return lib.value_and_grad(loss)


def logistic_inputs(rng, n):
    x = rng.normal(size=(n, 50))
    return 0.1 * rng.normal(size=50), x, np.sign(x @ rng.normal(size=50) + rng.normal(size=n))


@workload(sizes=(1000, 100_000), tiny=5, inputs=logistic_inputs)
def logistic(lib):
    """Logistic regression by logaddexp, n x 50, with a Gaussian prior"""
    xp = lib.np

    def loss(w, x, y):
        return xp.sum(xp.logaddexp(0.0, -y * (x @ w))) + 0.5 * xp.dot(w, w)

    return lib.value_and_grad(loss)


def hidden_markov_inputs(rng, n):
    params = [rng.normal(size=16), rng.normal(size=(16, 16)), rng.normal(size=(16, 8))]
    return params, rng.integers(8, size=n)


@workload(sizes=(50, 500), tiny=3, inputs=hidden_markov_inputs)
def hidden_markov(lib):
    """Likelihood of a hidden Markov model, 16 states, 8 symbols, n steps by scan of logsumexp"""

    def loss(params, symbols):
        start = params[0] - logsumexp(lib, params[0], 0)
        moves = params[1] - logsumexp(lib, params[1], 1)[:, None]
        emits = params[2] - logsumexp(lib, params[2], 1)[:, None]
        seen = emits.T[symbols]  # [T, S]

        def step(alpha, row):
            return logsumexp(lib, alpha[:, None] + moves, 0) + row, None

        alpha, _ = lib.scan(step, start + seen[0], seen[1:])
        return -logsumexp(lib, alpha, 0)

    return lib.value_and_grad(loss)


def autoencoder_inputs(rng, n):
    params = {"encoder": network(rng, (100, 64, 16)), "decoder": network(rng, (8, 64, 100))}
    pixels = (rng.uniform(size=(n, 100)) < 0.3).astype(float)
    return params, pixels, rng.normal(size=(n, 8))


@workload(sizes=(16, 512), tiny=2, inputs=autoencoder_inputs)
def variational_autoencoder(lib):
    """Evidence bound of a variational autoencoder 100-64-8-64-100, batch n"""
    xp = lib.np

    def loss(params, x, noise):
        h = mlp(params["encoder"], x, xp.tanh)
        mean, logvar = h[:, :8], h[:, 8:]
        z = mean + xp.exp(0.5 * logvar) * noise
        logits = mlp(params["decoder"], z, xp.tanh)
        entropy = xp.sum(xp.maximum(logits, 0.0) - logits * x)
        entropy = entropy + xp.sum(xp.log1p(xp.exp(-xp.abs(logits))))
        divergence = 0.5 * xp.sum(xp.exp(logvar) + mean**2 - 1.0 - logvar)
        return (entropy + divergence) / len(x)

    return lib.value_and_grad(loss)


def flow_inputs(rng, n):
    return [network(rng, (4, 32, 8)) for _ in range(4)], rng.normal(size=(n, 8))


@workload(sizes=(32, 1024), tiny=2, inputs=flow_inputs)
def normalizing_flow(lib):
    """Log-likelihood of a flow of four affine couplings, 8 dimensions, batch n"""
    xp = lib.np

    def loss(params, x):
        logdet = 0.0
        for layer in params:
            left, right = x[:, :4], x[:, 4:]
            h = mlp(layer, left, xp.tanh)
            scale = xp.tanh(h[:, :4])
            right = right * xp.exp(scale) + h[:, 4:]
            logdet = logdet + xp.sum(scale)
            x = xp.concatenate([right, left], axis=1)
        return (0.5 * xp.sum(x**2) - logdet) / len(x)

    return lib.value_and_grad(loss)


def student_inputs(rng, n):
    return rng.normal(size=12) * 0.1, rng.normal(size=(n, 10)), rng.standard_t(3, size=n)


@workload(sizes=(200, 50_000), tiny=4, inputs=student_inputs)
def student_regression(lib):
    """Regression with Student's t errors, scale and degrees of freedom learned, n x 10"""
    xp = lib.np

    def loss(params, x, y):
        w, scale, nu = params[:10], xp.exp(params[10]), 1.0 + xp.exp(params[11])
        z = (y - x @ w) / scale
        terms = 0.5 * (nu + 1.0) * xp.log1p(z * z / nu) + xp.log(scale) + 0.5 * xp.log(nu)
        constant = lib.gammaln(0.5 * nu) - lib.gammaln(0.5 * (nu + 1.0))
        return xp.sum(terms) / len(x) + constant

    return lib.value_and_grad(loss)


def poisson_inputs(rng, n):
    params = {"w": 0.1 * rng.normal(size=8), "groups": np.zeros(20), "scale": np.zeros(())}
    return params, rng.normal(size=(n, 8)), rng.integers(20, size=n), rng.poisson(2.0, n) * 1.0


@workload(sizes=(200, 20_000), tiny=5, inputs=poisson_inputs)
def poisson_groups(lib):
    """Poisson regression with 20 group effects gathered by index, n x 8, as in a sampler"""
    xp = lib.np

    def loss(params, x, group, y):
        effects = params["groups"] * xp.exp(params["scale"])
        rate = x @ params["w"] + effects[group]
        prior = 0.5 * (xp.sum(params["groups"] ** 2) + xp.sum(params["w"] ** 2))
        return xp.sum(xp.exp(rate) - y * rate) + prior + 0.5 * params["scale"] ** 2

    return lib.value_and_grad(loss)

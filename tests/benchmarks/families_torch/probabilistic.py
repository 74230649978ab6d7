"""Probabilistic models, in PyTorch."""

import torch
import torch.nn.functional as F  # noqa: N812 (as its users write it)

from .parts import mlp


def mixture(params, x):
    factors = params["factors"]
    centred = x[:, None, :] - params["means"]
    white = torch.einsum("kij,nkj->nki", factors, centred)
    logdet = torch.log(torch.abs(torch.diagonal(factors, dim1=1, dim2=2))).sum(1)
    logp = torch.log_softmax(params["weights"], 0) + logdet - 0.5 * (white**2).sum(-1)
    return -torch.logsumexp(logp, 1).mean()


def gaussian_process(params, x, y):
    z = x / torch.exp(params[:3])
    square = (z**2).sum(1)
    distance = square[:, None] + square[None, :] - 2.0 * (z @ z.T)
    kernel = torch.exp(params[4] - 0.5 * distance.clamp_min(0.0))
    kernel = kernel + (torch.exp(params[3]) + 1e-6) * torch.eye(len(x), dtype=x.dtype)
    factor = torch.linalg.cholesky(kernel)
    white = torch.linalg.solve_triangular(factor, y[:, None], upper=False)
    return 0.5 * (white**2).sum() + torch.log(torch.diagonal(factor)).sum()


def logistic(w, x, y):
    return F.softplus(-y * (x @ w)).sum() + 0.5 * torch.dot(w, w)


def hidden_markov(params, symbols):
    moves, emits = torch.log_softmax(params[1], 1), torch.log_softmax(params[2], 1)
    seen = emits.T[symbols]
    alpha = torch.log_softmax(params[0], 0) + seen[0]
    for row in seen[1:]:
        alpha = torch.logsumexp(alpha[:, None] + moves, 0) + row
    return -torch.logsumexp(alpha, 0)


def variational_autoencoder(params, x, noise):
    mean, logvar = mlp(params["encoder"], x).split(8, 1)
    z = mean + torch.exp(0.5 * logvar) * noise
    logits = mlp(params["decoder"], z)
    entropy = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    return (entropy + 0.5 * torch.sum(torch.exp(logvar) + mean**2 - 1.0 - logvar)) / len(x)


def normalizing_flow(params, x):
    logdet = 0.0
    for layer in params:
        left, right = x[:, :4], x[:, 4:]
        h = mlp(layer, left)
        scale = torch.tanh(h[:, :4])
        right = right * torch.exp(scale) + h[:, 4:]
        logdet = logdet + scale.sum()
        x = torch.cat([right, left], 1)
    return (0.5 * (x**2).sum() - logdet) / len(x)


def student_regression(params, x, y):
    w, scale, nu = params[:10], torch.exp(params[10]), 1.0 + torch.exp(params[11])
    z = (y - x @ w) / scale
    terms = 0.5 * (nu + 1.0) * torch.log1p(z * z / nu) + torch.log(scale) + 0.5 * torch.log(nu)
    return terms.mean() + torch.lgamma(0.5 * nu) - torch.lgamma(0.5 * (nu + 1.0))


def poisson_groups(params, x, group, y):
    rate = x @ params["w"] + (params["groups"] * torch.exp(params["scale"]))[group]
    prior = 0.5 * (torch.sum(params["groups"] ** 2) + torch.sum(params["w"] ** 2))
    return torch.sum(torch.exp(rate) - y * rate) + prior + 0.5 * params["scale"] ** 2

"""Scatter, gather and trees, in PyTorch."""

import torch

from .parts import adam_step, whole


def segment_sum(x, segments, count):
    return x.new_zeros(count, *x.shape[1:]).index_add(0, segments, x)


def segment_sums(x, segments, weights):
    sums = segment_sum(torch.exp(0.1 * x), segments, len(weights))
    return torch.sum(weights[:, None] * sums**2) / len(x)


def graph_network(params, x, source, target):
    for own, message in (params[:2], params[2:]):
        sent = torch.tanh(x[source] @ message)
        x = torch.tanh(x @ own + segment_sum(sent, target, len(x)))
    return torch.sum(x**2) / len(x)


@whole
def many_leaves(compiled):
    def loss(params, x):
        for b, w in zip(params[::2], params[1::2], strict=False):
            x = torch.tanh(x @ w + b)
        return torch.sum(x**2)

    return adam_step(compiled(loss))


def embedding_bag(table, bags, target):
    mean = torch.nn.functional.embedding_bag(bags, table, mode="mean")
    return torch.sum((mean - target) ** 2) / len(target)


def interpolation(table, places, target):
    low = torch.floor(places).long()
    part = places - low
    found = (1.0 - part) * table[low] + part * table[low + 1]
    return ((found - target) ** 2).mean()


def sparse_matrix(entries, rows, columns, x):
    for _ in range(3):
        x = torch.tanh(segment_sum(entries * x[columns], rows, len(x)))
    return torch.sum(x**2)


def sorting(x, y):
    x, y = torch.sort(x)[0], torch.sort(y)[0]
    return torch.sum((x - y) ** 2) + torch.sum(torch.cumsum(x, 0) ** 2) / len(x) ** 2

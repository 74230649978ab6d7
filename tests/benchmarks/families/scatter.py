"""Scatter and gather, sorting, and trees of many leaves."""

from ..workload import family
from .parts import adam_state, adam_step, matrix

workload = family("scatter, gather and trees", "float64")


def segments_inputs(rng, n):
    return rng.normal(size=(n, 8)), rng.integers(n // 10 + 1, size=n), rng.normal(size=n // 10 + 1)


@workload(sizes=(500, 50_000), tiny=11, inputs=segments_inputs)
def segment_sums(lib):
    """Sums of n rows of 8 over n/10 segments, squared and weighted"""
    xp = lib.np

    def loss(x, segments, weights):
        sums = lib.segment_sum(xp.exp(0.1 * x), segments, len(weights))
        return xp.sum(weights[:, None] * sums**2) / len(x)

    return lib.value_and_grad(loss)


def graph_inputs(rng, n):
    params = [matrix(rng, 16, 16) for _ in range(4)]
    edges = rng.integers(n, size=(2, 5 * n))
    return params, rng.normal(size=(n, 16)), edges[0], edges[1]


@workload(sizes=(50, 5000), tiny=4, inputs=graph_inputs)
def graph_network(lib):
    """Two rounds of messages on a graph of n nodes and 5n edges, 16 features"""
    xp = lib.np

    def loss(params, x, source, target):
        for own, message in (params[:2], params[2:]):
            sent = xp.tanh(x[source] @ message)
            x = xp.tanh(x @ own + lib.segment_sum(sent, target, len(x)))
        return xp.sum(x**2) / len(x)

    return lib.value_and_grad(loss)


def tree_inputs(rng, n):
    params = [rng.normal(size=(4, 4)) if k % 2 else rng.normal(size=4) for k in range(n - n % 2)]
    return adam_state(params), rng.normal(size=4)


@workload(sizes=(20, 400), tiny=4, inputs=tree_inputs, carried=True)
def many_leaves(lib):
    """Adam step of n leaves of 4 or 4 x 4 numbers, each used once"""
    xp = lib.np

    def loss(params, x):
        for b, w in zip(params[::2], params[1::2], strict=False):
            x = xp.tanh(x @ w + b)
        return xp.sum(x**2)

    return adam_step(lib, loss)


def bag_inputs(rng, n):
    return rng.normal(size=(n, 16)), rng.integers(n, size=(256, 10)), rng.normal(size=(256, 16))


@workload(sizes=(1000, 50_000), tiny=5, inputs=bag_inputs)
def embedding_bag(lib):
    """Gradient of a table of n embeddings of 16 from 256 bags of 10"""
    xp = lib.np

    def loss(table, bags, target):
        mean = xp.sum(table[bags], axis=1) / 10.0
        return xp.sum((mean - target) ** 2) / len(target)

    return lib.value_and_grad(loss)


def interpolation_inputs(rng, n):
    return rng.normal(size=64), rng.uniform(0.0, 62.9, size=n), rng.normal(size=n)


@workload(sizes=(500, 100_000), tiny=5, inputs=interpolation_inputs)
def interpolation(lib):
    """Linear interpolation in a table of 64 at n places, gradients of table and error"""
    xp = lib.np

    def loss(table, places, target):
        low = xp.floor(places).astype("int64")
        part = places - low
        found = (1.0 - part) * table[low] + part * table[low + 1]
        return xp.sum((found - target) ** 2) / len(target)

    return lib.value_and_grad(loss)


def sparse_inputs(rng, n):
    rows, columns = rng.integers(n, size=(2, 8 * n))
    return rng.normal(size=8 * n), rows, columns, rng.normal(size=n)


@workload(sizes=(200, 20_000), tiny=4, inputs=sparse_inputs)
def sparse_matrix(lib):
    """Three products of a sparse n x n matrix of 8n entries with a vector, gradient of entries"""
    xp = lib.np

    def loss(entries, rows, columns, x):
        for _ in range(3):
            x = xp.tanh(lib.segment_sum(entries * x[columns], rows, x.shape[0]))
        return xp.sum(x**2)

    return lib.value_and_grad(loss)


@workload(
    sizes=(200, 100_000), tiny=6, inputs=lambda rng, n: (rng.normal(size=n), rng.normal(size=n))
)
def sorting(lib):
    """Cumulative sums of n sorted numbers against sorted others, an optimal transport in 1-d"""
    xp = lib.np

    def loss(x, y):
        x, y = xp.sort(x), xp.sort(y)
        return xp.sum((x - y) ** 2) + xp.sum(xp.cumsum(x) ** 2) / len(x) ** 2

    return lib.value_and_grad(loss)

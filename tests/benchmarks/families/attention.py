"""Attention: transformers, long sequences, masks, and a linear kind."""

import numpy as np

from ..workload import family
from .parts import gelu, layer_norm, log_softmax, matrix, mlp, network, softmax

workload = family("attention", "float32")


def block_params(rng, width):
    return {
        "norm1": [np.ones(width), np.zeros(width)],
        "qkv": matrix(rng, width, 3 * width),
        "out": matrix(rng, width, width),
        "norm2": [np.ones(width), np.zeros(width)],
        "mlp": network(rng, (width, 4 * width, width)),
    }


def split_heads(lib, x, heads):
    b, t, d = x.shape
    return lib.np.transpose(x.reshape(b, t, heads, d // heads), (0, 2, 1, 3))


def attend(lib, x, qkv, out, heads, mask=None):
    d = x.shape[-1]
    parts = x @ qkv
    q, k, v = (split_heads(lib, parts[..., i * d : (i + 1) * d], heads) for i in range(3))
    scores = q @ lib.np.swapaxes(k, -1, -2) * (d // heads) ** -0.5
    if mask is not None:
        scores = scores + mask
    mixed = lib.np.transpose(softmax(lib, scores) @ v, (0, 2, 1, 3))
    return mixed.reshape(x.shape) @ out


def block(lib, params, x, heads, mask=None):
    """Transformer's block, the norms before the parts."""
    h = layer_norm(lib, x, *params["norm1"])
    x = x + attend(lib, h, params["qkv"], params["out"], heads, mask)
    h = layer_norm(lib, x, *params["norm2"])
    return x + mlp(params["mlp"], h, lambda h: gelu(lib, h))


@workload(
    sizes=(16, 96),
    tiny=3,
    inputs=lambda rng, n: (block_params(rng, 64), rng.normal(size=(4, n, 64))),
)
def attention_block(lib):
    """Value and gradient: transformer block, 64 wide, 4 heads, batch 4, length n"""

    def loss(params, x):
        return lib.np.sum(block(lib, params, x, 4) ** 2) / x.size

    return lib.value_and_grad(loss)


def transformer_inputs(rng, n):
    n = 8 * n
    return [block_params(rng, n) for _ in range(4)], rng.normal(size=(2, 64, n))


@workload(sizes=(8, 32), tiny=1, inputs=transformer_inputs)
def transformer(lib):
    """Value and gradient: four blocks, 8n wide, 8 heads, batch 2, length 64"""

    def loss(params, x):
        for layer in params:
            x = block(lib, layer, x, 8)
        return lib.np.sum(x**2) / x.size

    return lib.value_and_grad(loss)


@workload(
    sizes=(256, 1536),
    tiny=5,
    inputs=lambda rng, n: ([matrix(rng, 32, 96), matrix(rng, 32, 32)], rng.normal(size=(1, n, 32))),
)
def long_attention(lib):
    """Value and gradient: attention over length n, 32 wide, 2 heads, batch 1"""

    def loss(params, x):
        y = attend(lib, x, *params, heads=2)
        return lib.np.sum(y**2) / x.size

    return lib.value_and_grad(loss)


def language_inputs(rng, n):
    params = {
        "embedding": 0.1 * rng.normal(size=(256, 64)),
        "positions": 0.1 * rng.normal(size=(n, 64)),
        "block": block_params(rng, 64),
    }
    return params, rng.integers(256, size=(4, n + 1))


@workload(sizes=(16, 128), tiny=3, inputs=language_inputs)
def language_model(lib):
    """Value and gradient: characters, embeddings tied, one causal block of 64, length n"""
    xp = lib.np

    def loss(params, text):
        before, after = text[:, :-1], text[:, 1:]
        n = before.shape[1]
        x = params["embedding"][before] + params["positions"]
        mask = np.triu(np.full((n, n), -1e9, dtype=np.float32), 1)
        x = block(lib, params["block"], x, 4, mask)
        logp = log_softmax(lib, x @ params["embedding"].T)
        rows = np.arange(4)[:, None], np.arange(n)[None, :]
        return -xp.sum(logp[(*rows, after)]) / (4 * n)

    return lib.value_and_grad(loss)


def linear_inputs(rng, n):
    params = [matrix(rng, 64, 64) for _ in range(4)]
    return params, rng.normal(size=(2, n, 64))


@workload(sizes=(64, 2048), tiny=4, inputs=linear_inputs)
def linear_attention(lib):
    """Value and gradient: attention of features elu(x) + 1, 4 heads of 16, length n"""
    xp = lib.np

    def feature(x):
        return xp.where(x > 0, x + 1.0, xp.exp(xp.minimum(x, 0.0)))

    def loss(params, x):
        wq, wk, wv, wo = params
        q, k, v = (split_heads(lib, x @ w, 4) for w in (wq, wk, wv))
        q, k = feature(q), feature(k)
        total = xp.sum(k, axis=2, keepdims=True)  # [B, H, 1, D]
        y = q @ (xp.swapaxes(k, -1, -2) @ v) / xp.sum(q * total, axis=-1, keepdims=True)
        y = xp.transpose(y, (0, 2, 1, 3)).reshape(x.shape) @ wo
        return xp.sum((y - x) ** 2) / x.size

    return lib.value_and_grad(loss)


def pooling_inputs(rng, n):
    params = [rng.normal(size=(8, 32)), matrix(rng, 32, 64), matrix(rng, 32, 10)]
    lengths = rng.integers(n // 2, n + 1, size=16)
    masks = (np.arange(n)[None, :] < lengths[:, None]).astype(float)
    return params, rng.normal(size=(16, n, 32)), masks


@workload(sizes=(20, 400), tiny=4, inputs=pooling_inputs)
def masked_pooling(lib):
    """Value and gradient: 8 learned queries over padded sets of up to n, batch 16"""
    xp = lib.np

    def loss(params, x, mask):
        queries, wkv, out = params
        kv = x @ wkv
        k, v = kv[..., :32], kv[..., 32:]
        scores = xp.einsum("qd,bnd->bqn", queries, k) / 32**0.5
        scores = xp.where(mask[:, None, :] > 0, scores, -1e9)
        y = xp.einsum("bqn,bnd->bqd", softmax(lib, scores), v)
        logits = xp.max(y, axis=1) @ out
        return xp.sum(logits**2) / len(x)

    return lib.value_and_grad(loss)

"""Attention, in PyTorch."""

import torch
import torch.nn.functional as F  # noqa: N812 (as its users write it)


def attend(x, qkv, out, heads, mask=None):
    b, t, d = x.shape
    q, k, v = (p.reshape(b, t, heads, -1).transpose(1, 2) for p in (x @ qkv).split(d, dim=-1))
    mixed = F.scaled_dot_product_attention(q, k, v, mask)
    return mixed.transpose(1, 2).reshape(b, t, d) @ out


def block(params, x, heads, mask=None):
    norm = lambda x, name: F.layer_norm(x, x.shape[-1:], *params[name])
    x = x + attend(norm(x, "norm1"), params["qkv"], params["out"], heads, mask)
    w1, b1, w2, b2 = params["mlp"]
    return x + F.gelu(norm(x, "norm2") @ w1 + b1, approximate="tanh") @ w2 + b2


def attention_block(params, x):
    return (block(params, x, 4) ** 2).mean()


def transformer(params, x):
    for layer in params:
        x = block(layer, x, 8)
    return (x**2).mean()


def long_attention(params, x):
    return (attend(x, *params, heads=2) ** 2).mean()


def language_model(params, text):
    before, after = text[:, :-1], text[:, 1:]
    n = before.shape[1]
    x = F.embedding(before, params["embedding"]) + params["positions"]
    mask = torch.triu(torch.full((n, n), -1e9), 1)
    x = block(params["block"], x, 4, mask)
    return F.cross_entropy((x @ params["embedding"].T).reshape(4 * n, -1), after.reshape(-1))


def linear_attention(params, x):
    b, t, d = x.shape
    q, k, v = ((x @ w).reshape(b, t, 4, -1).transpose(1, 2) for w in params[:3])
    q, k = F.elu(q) + 1.0, F.elu(k) + 1.0
    y = q @ (k.mT @ v) / torch.sum(q * k.sum(2, keepdim=True), -1, keepdim=True)
    y = y.transpose(1, 2).reshape(b, t, d) @ params[3]
    return ((y - x) ** 2).mean()


def masked_pooling(params, x, mask):
    queries, wkv, out = params
    k, v = (x @ wkv).split(32, -1)
    scores = (queries @ k.mT / 32**0.5).masked_fill(mask[:, None, :] == 0, -1e9)
    logits = (torch.softmax(scores, -1) @ v).amax(1) @ out
    return torch.sum(logits**2) / len(x)

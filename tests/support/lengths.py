"""Random programs whose operations depend on the length of a batch, in Python too."""

import numpy as np

import funcgrad as fg

WEIGHTS = np.random.default_rng(5).normal(size=(4, 4)).astype("f4")

# integers of a length n; k and d are drawn
LENGTHS = """
    n | n + d | n * d | max(n, k) | min(n, k) | n // (d + 1) | n % (d + 1) | -(-n // k) * k
    abs(n - k) | (n < k) | n - 1 | max(n - d, 0) | d
"""
# arrays of x, y: f32[n, 4]; L is one of the lengths
OPERATIONS = """
    x[:k] | x[-k:] | x[k:] | x[::k] | x[: n // (k + 1)] | x[:L] | x / (L + 1) | x * L
    x + np.arange(n, dtype="f4")[:, None] | x * np.arange(n, dtype="f4")[::-1, None]
    np.concatenate([x, y]) | np.concatenate([x, np.ones((k, 4), "f4")]) | x[::-1]
    np.pad(x, ((0, L), (0, 0))) | np.pad(x, ((0, -n % k), (0, 0))) | np.roll(x, k, 0)
    x if n < k else 2 * x | x.sum(0) if n == k else x | np.zeros((max(n, k), 4), "f4") + x[:1]
    x.reshape(n * 2, 2)[::2] @ W[:2] | x - x.mean(0) | x @ W | (x @ y.T) @ y if len(y) == n else x
    x.T.reshape(-1, 4) | np.sort(x, 0) | np.cumsum(x, 0) | x[np.arange(n) % k] | np.repeat(x, k, 0)
    x[np.minimum(np.arange(n), k)] | np.tile(x, (k, 1)) | np.where(np.arange(n)[:, None] < k, x, 0)
    sum([x * i for i in range(min(n, k))], x) | x * W[min(n, 4) - 1] | x.mean(0, keepdims=True) + x
    np.stack([x, x + 1], 1).reshape(-1, 4) | x / np.float32(n ** (k % 3)) | x * np.float32(n**0.5)
    np.linspace(0, 1, n, dtype="f4")[:, None] * x | x[n // 2 :] | x[min(1, n - 1)] + x
    np.broadcast_to(x[0], (max(n, 3), 4)) | np.diff(x, axis=0) | np.split(x, [k])[0]
    np.array_split(x, 2)[1] | np.eye(n, 4, dtype="f4") * x | np.full((n, 4), n, "f4") - x
    x.std(0) + x | x.var(0, ddof=1) + x | x.max(0) + x | x * (n / (n + k)) | np.quantile(x, 0.25, 0)
    np.moveaxis(x.reshape(n, 2, 2), 1, 0).reshape(-1, 4) | fg.nn.softmax(x, 0) | x[n > k]
    fg.lax.scan(lambda c, r: (c + r, c * r), np.zeros(4, "f4"), x)[1] | np.vstack([x, x[-1:]])
    fg.lax.fori_loop(0, L, lambda i, c: c * 0.5 + 1, x) | fg.lax.cond(n < k, lambda a: a, np.sin, x)
    np.take(x, n - 1, 0) + x | np.outer(x[:, 0], x[0]) | np.einsum("ij,ik->jk", x, x)
    fg.at(x)[-1].add(x[0]) | fg.at(x)[:k].set(0.0) | x[:, 0] if n == 1 else x[:, 1]
"""
lines = lambda text: [e.strip() for line in text.strip().splitlines() for e in line.split("|")]


def drawn(seed):
    """The function of x, y: f32[n, 4], and its source."""
    rng = np.random.default_rng(seed)
    source = ["def f(x, y):"]
    for _ in range(rng.integers(1, 4)):
        k, d = int(rng.choice([2, 3, 5, 6, 8, 40, 64])), int(rng.integers(1, 5))
        expression = str(rng.choice(lines(OPERATIONS))).replace(
            "L", f"({rng.choice(lines(LENGTHS))})"
        )
        source += [f"    n, k, d = len(x), {k}, {d}", f"    x = {expression}"]
        source += ["    x = x if x.shape[1:] == (4,) else np.reshape(x, -1)[:, None] * W[0]"]
    source += ["    return x, len(x)" if rng.random() < 0.3 else "    return x"]
    scope = {"np": np, "fg": fg, "W": WEIGHTS}
    exec("\n".join(source), scope)
    return scope["f"], "\n".join(source)

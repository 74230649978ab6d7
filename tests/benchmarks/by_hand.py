"""Steps written by hand in NumPy, value and gradient, as a careful user would write them.

They say how far the compiled code is from what a person writes, and check every derivative.
"""

import numpy as np

from .families.parts import B1, B2, EPS, RATE

# linear algebra and kernels -----------------------------------------------------------------------


def elementwise(x):
    square = x * x
    t, e = np.tanh(x), np.exp(-square)
    return (1.0 - t * t) * e - 2.0 * x * t * e + np.cos(x) * square + 2.0 * x * np.sin(x)


def rosenbrock(x):
    left, right = x[:-1], x[1:]
    valley, slope = right - left * left, 1.0 - left
    grad = np.zeros_like(x)
    grad[:-1] = -400.0 * left * valley - 2.0 * slope
    grad[1:] += 200.0 * valley
    return 100.0 * np.dot(valley, valley) + np.dot(slope, slope), grad


def rosenbrock_hessian(x):
    n, left = len(x), x[:-1]
    out = np.zeros((n, n))
    diagonal = out.reshape(-1)[:: n + 1]
    diagonal[:-1] = 1200.0 * left * left - 400.0 * x[1:] + 2.0
    diagonal[1:] += 200.0
    rows = np.arange(n - 1)
    out[rows, rows + 1] = out[rows + 1, rows] = -400.0 * left
    return out


def pairwise(x, same):
    x = x.T
    apart = x[:, :, None] - x[:, None, :]  # [3, N, N]
    inverse = 1.0 / (np.einsum("dij,dij->ij", apart, apart) + 0.1)
    distance, weight = np.sqrt(inverse), 1.0 - same
    sixth = inverse * inverse * inverse
    value = 0.5 * np.vdot(weight, sixth - distance)
    force = weight * (inverse * (distance - 6.0 * sixth))  # dE/dr2 of a pair counted once, doubled
    return value, np.einsum("dij,ij->id", apart, force)


def factorization(params, y, seen):
    u, v = params
    error = u @ v.T
    error -= y
    error *= seen
    value = np.vdot(error, error) + 0.1 * (np.vdot(u, u) + np.vdot(v, v))
    error *= seen
    return value, [2.0 * (error @ v) + 0.2 * u, 2.0 * (error.T @ u) + 0.2 * v]


def tensor_decomposition(params, y):
    a, b, c = params
    n, rank = a.shape
    pairs = (a[:, None, :] * b[None, :, :]).reshape(n * n, rank)
    error = (pairs @ c.T).reshape(n, n, n) - y
    flat = error.reshape(n * n, n)
    inner = (flat @ c).reshape(n, n, rank)
    grad_a, grad_b = np.einsum("ijr,jr->ir", inner, b), np.einsum("ijr,ir->jr", inner, a)
    return np.vdot(error, error), [2.0 * grad_a, 2.0 * grad_b, 2.0 * (flat.T @ pairs)]


# probabilistic models -----------------------------------------------------------------------------


def logistic(w, x, y):
    z = -y * (x @ w)
    e = np.exp(-np.abs(z))
    value = np.sum(np.maximum(z, 0.0) + np.log1p(e)) + 0.5 * np.dot(w, w)
    chance = np.where(z > 0.0, 1.0, e) / (1.0 + e)
    return value, (-y * chance) @ x + w


def softmax_of(x, axis):
    """Exponentials over their sum, and its logarithm."""
    top = x.max(axis, keepdims=True)
    e = np.exp(x - top)
    total = e.sum(axis, keepdims=True)
    return e / total, np.log(total) + top


def mixture(params, x):
    """Gradient by the responsibilities."""
    weights, means, factors = params["weights"], params["means"], params["factors"]
    n, d = len(x), means.shape[1]
    centred = (x[:, None, :] - means).transpose(1, 2, 0)  # [K, D, N]
    white = factors @ centred
    prior, total = softmax_of(weights, 0)
    diagonal = np.einsum("kii->ki", factors)
    start = weights - total + np.log(np.abs(diagonal)).sum(1)
    share, logs = softmax_of(start[:, None] - 0.5 * np.einsum("kdn,kdn->kn", white, white), 0)
    white *= share[:, None, :]
    counts = share.sum(1)
    inner = white @ centred.transpose(0, 2, 1) / n
    inner[:, range(d), range(d)] -= counts[:, None] / (diagonal * n)
    means = -np.einsum("kij,ki->kj", factors, white.sum(2)) / n
    grads = {"factors": inner, "means": means, "weights": prior - counts / n}
    return -logs.sum() / n, grads


# dense networks -----------------------------------------------------------------------------------


def mlp_tiny(state, x, y):
    """Adam step of a network of tanh with two hidden layers."""
    w1, b1, w2, b2, w3, b3 = state["params"]
    h1 = np.tanh(x @ w1 + b1)
    h2 = np.tanh(h1 @ w2 + b2)
    error = h2 @ w3 + b3 - y
    g3 = error * np.float32(2.0 / error.size)
    g2 = (g3 @ w3.T) * (1.0 - h2 * h2)
    g1 = (g2 @ w2.T) * (1.0 - h1 * h1)
    grads = [x.T @ g1, g1.sum(0), h1.T @ g2, g2.sum(0), h2.T @ g3, g3.sum(0)]
    count = state["count"] + np.float32(1.0)
    rate = RATE * np.sqrt(1.0 - B2**count) / (1.0 - B1**count)
    new = {"params": [], "m": [], "v": [], "count": count}
    for p, m, v, g in zip(state["params"], state["m"], state["v"], grads, strict=True):
        m = B1 * m + (1 - B1) * g
        v = B2 * v + (1 - B2) * (g * g)
        new["params"].append(p - rate * m / (np.sqrt(v) + EPS))
        new["m"].append(m)
        new["v"].append(v)
    return new, np.vdot(error, error) / np.float32(error.size)


def per_example(params, x, y):
    w1, b1, w2, b2, w3, b3 = params
    h1 = np.tanh(x @ w1 + b1)
    h2 = np.tanh(h1 @ w2 + b2)
    g3 = 2.0 * (h2 @ w3 + b3 - y)
    g2 = (g3 @ w3.T) * (1.0 - h2 * h2)
    g1 = (g2 @ w2.T) * (1.0 - h1 * h1)
    outer = lambda a, g: a[:, :, None] * g[:, None, :]
    return [outer(x, g1), g1, outer(h1, g2), g2, outer(h2, g3), g3]


def many_classes(params, x, labels):
    w, b = params
    count, rows = np.float32(len(labels)), np.arange(len(labels))
    logits = x @ w
    logits += b
    chosen = logits[rows, labels]
    top = logits.max(1)
    logits -= top[:, None]
    np.exp(logits, logits)
    total = logits.sum(1)
    value = np.sum(np.log(total) + top - chosen) / count
    logits /= total[:, None] * count
    logits[rows, labels] -= 1.0 / count
    return value, [x.T @ logits, logits.sum(0)]


# loops and recurrent networks ---------------------------------------------------------------------


def descent(x, steps):
    slopes = []
    for _ in range(len(steps)):
        square = x * x
        slopes.append(1.1 - 0.3 * square)
        x = x * (1.1 - 0.1 * square)
    grad = 2.0 * x
    for slope in reversed(slopes):
        grad = grad * slope
    return np.dot(x, x), grad


def rnn_unrolled(params, xs):
    w, u = params
    drive = xs @ u  # [T, 1, 8]
    states = np.zeros((len(xs) + 1, 1, 8), xs.dtype)
    for t in range(len(xs)):
        states[t + 1] = np.tanh(states[t] @ w + drive[t])
    slopes, back = 1.0 - states[1:] ** 2, w.T.copy()
    grad, grads = 2.0 * states[-1], np.empty_like(drive)
    for t in range(len(xs) - 1, -1, -1):
        grads[t] = grad * slopes[t]
        grad = grads[t] @ back
    flat = grads[:, 0]
    value = np.sum(states[-1] ** 2)
    return value, [states[:-1, 0].T @ flat, xs[:, 0].T @ flat]


# stencils -----------------------------------------------------------------------------------------


def total_variation(image, noisy):
    here = image[:-1, :-1]
    dx, dy = image[1:, :-1] - here, image[:-1, 1:] - here
    root = np.sqrt(dx * dx + dy * dy + 1e-3)
    apart = image - noisy
    value = root.sum() + 5.0 * np.vdot(apart, apart)
    dx /= root
    dy /= root
    apart *= 10.0
    apart[1:, :-1] += dx
    apart[:-1, 1:] += dy
    dx += dy
    apart[:-1, :-1] -= dx
    return value, apart


def laplacian(u):
    out = -4.0 * u
    out[1:] += u[:-1]
    out[:-1] += u[1:]
    out[0] += u[-1]
    out[-1] += u[0]
    out[:, 1:] += u[:, :-1]
    out[:, :-1] += u[:, 1:]
    out[:, 0] += u[:, -1]
    out[:, -1] += u[:, 0]
    return out


def heat(u, target, diffusivity, steps):
    for _ in range(len(steps)):
        u = u + diffusivity * laplacian(u)
    grad = u - target
    value = np.vdot(grad, grad) / u.size
    grad *= 2.0 / u.size
    for _ in range(len(steps)):
        grad += laplacian(diffusivity * grad)
    return value, grad


# scatter, gather and trees ------------------------------------------------------------------------


def segment_sums(x, segments, weights):
    e = np.exp(0.1 * x)
    sums = np.stack([np.bincount(segments, column, len(weights)) for column in e.T], 1)
    weighted = weights[:, None] * sums
    e *= (0.2 / len(x) * weighted)[segments]
    return np.vdot(weighted, sums) / len(x), e


def embedding_bag(table, bags, target):
    error = table[bags].sum(1) / 10.0 - target
    grad = np.zeros_like(table)
    np.add.at(grad, bags, (0.2 / len(target) * error)[:, None, :])
    return np.vdot(error, error) / len(target), grad


def interpolation(table, places, target):
    low = np.floor(places).astype(np.int64)
    part = places - low
    rest = 1.0 - part
    error = rest * table[low] + part * table[low + 1] - target
    scaled = error * (2.0 / len(target))
    grad = np.bincount(low, rest * scaled, len(table))
    grad += np.bincount(low + 1, part * scaled, len(table))
    return np.dot(error, error) / len(target), grad


def sorting(x, y):
    order = np.argsort(x)
    x, n = x[order], len(x)
    apart, sums = x - np.sort(y), np.cumsum(x)
    value = np.dot(apart, apart) + np.dot(sums, sums) / n**2
    grad = np.empty_like(x)
    grad[order] = 2.0 * apart + (2.0 / n**2) * np.cumsum(sums[::-1])[::-1]
    return value, grad


WRITTEN = (
    *(elementwise, rosenbrock, rosenbrock_hessian, pairwise, factorization, tensor_decomposition),
    *(logistic, mixture, mlp_tiny, per_example, many_classes, descent, rnn_unrolled),
    *(total_variation, heat, segment_sums, embedding_bag, interpolation, sorting),
)
STEPS = {step.__name__.replace("_", "-"): step for step in WRITTEN}

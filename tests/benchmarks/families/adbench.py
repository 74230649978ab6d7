"""The four objectives of ADBench, from their published formulas, at its sizes.

Source: Srajer, Kukelova & Fitzgibbon 2018, "A benchmark of selected algorithmic differentiation
tools on some problems in computer vision and machine learning" (arXiv:1807.10129), and the
objective functions of github.com/microsoft/ADBench. Data are random, of the published shapes.
"""

import math

import numpy as np

from ..workload import family
from .parts import logsumexp, sigmoid

workload = family("ADBench", "float64")


# Gaussian mixture ---------------------------------------------------------------------------------


def gmm_inputs(rng, d):
    k = 10
    icf = np.concatenate([rng.normal(size=(k, d)), rng.normal(size=(k, d * (d - 1) // 2))], 1)
    return [rng.normal(size=k), rng.uniform(size=(k, d)), icf], rng.normal(size=(1000, d))


def lower_indices(d):
    """For each element of a d x d matrix, its place in [0, strict lower triangle by columns]."""
    places = np.zeros((d, d), np.int64)
    rows, columns = np.triu_indices(d, 1)
    places[columns, rows] = 1 + np.arange(len(rows))
    return places


def log_wishart_prior(lib, p, gamma, m, log_diagonals, diagonals, lower):
    n, k = p + m + 1, log_diagonals.shape[0]
    log_gamma_distrib = 0.25 * p * (p - 1) * math.log(math.pi)
    log_gamma_distrib += sum(math.lgamma(0.5 * n + 0.5 * (1 - j)) for j in range(1, p + 1))
    frobenius = lib.np.sum(diagonals**2) + lib.np.sum(lower**2)
    constant = n * p * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma_distrib
    return 0.5 * gamma**2 * frobenius - m * lib.np.sum(log_diagonals) - k * constant


@workload(sizes=[2, 10, 20, 32, 64, 128], tiny=3, inputs=gmm_inputs)
def adbench_gmm(lib):
    """ADBench GMM: log-likelihood with a Wishart prior, 10 components, 1,000 points, d = n"""
    xp = lib.np

    def loss(params, x):
        alphas, means, icf = params
        n, d = x.shape
        log_diagonals, lower = icf[:, :d], icf[:, d:]
        diagonals = xp.exp(log_diagonals)
        zero = xp.zeros((len(alphas), 1), dtype=x.dtype)
        factors = xp.concatenate([zero, lower], axis=1)[:, lower_indices(d)]  # [K, D, D]
        centred = x[:, None, :] - means  # [N, K, D]
        white = diagonals * centred + xp.einsum("kij,nkj->nki", factors, centred)
        terms = alphas + xp.sum(log_diagonals, axis=1) - 0.5 * xp.sum(white**2, axis=2)
        total = xp.sum(logsumexp(lib, terms, 1)) - n * logsumexp(lib, alphas, 0)
        prior = log_wishart_prior(lib, d, 1.0, 0, log_diagonals, diagonals, lower)
        return total - n * d * 0.5 * math.log(2.0 * math.pi) + prior

    return lib.value_and_grad(loss)


# Bundle adjustment --------------------------------------------------------------------------------


def cross(xp, a, b):
    return xp.stack(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )


def reprojection_error(lib):
    """Error of a point seen by a camera: 11 numbers (rotation, centre, focal, x0, radial)."""
    xp = lib.np

    def rotate(rotation, x):
        theta = xp.sqrt(xp.sum(rotation**2))
        axis = rotation / theta
        along = xp.sum(axis * x) * (1.0 - xp.cos(theta))
        return x * xp.cos(theta) + cross(xp, axis, x) * xp.sin(theta) + axis * along

    def error(params, feature):
        camera, point, weight = params[:11], params[11:14], params[14]
        x = rotate(camera[:3], point - camera[3:6])
        seen = x[:2] / x[2]
        square = xp.sum(seen**2)
        seen = seen * (1.0 + camera[9] * square + camera[10] * square * square)
        return weight * (seen * camera[6] + camera[7:9] - feature)

    return error


def observations(rng, count):
    params = np.concatenate([0.5 + 0.1 * rng.normal(size=(count, 14)), np.ones((count, 1))], 1)
    params[:, 13] += 3.0  # in front of the camera
    return params, rng.normal(size=(count, 2))


@workload(sizes=[31843, 36455, 63689], tiny=3, inputs=observations)
def adbench_ba(lib):
    """ADBench bundle adjustment: n Jacobians of 2 x 15, and of the weights' errors, by vmap"""
    jacobians = lib.vmap(lib.jacrev(reprojection_error(lib)), (0, 0))

    def step(params, features):
        return jacobians(params, features), -2.0 * params[:, 14]

    return step


def one_observation(rng, n):
    params, features = observations(rng, n)
    return params[-1], features[-1]


@workload(sizes=(1, 1000), tiny=1, inputs=one_observation)
def adbench_ba_single(lib):
    """ADBench bundle adjustment: the Jacobian of one observation, 2 x 15 (the size is the draw)"""
    return lib.jacrev(reprojection_error(lib))


# Hand tracking ------------------------------------------------------------------------------------

BONES = 22
PARENTS = [-1, 0, *(p for f in range(5) for p in (1, *range(4 * f + 2, 4 * f + 5)))]


def hand_inputs(rng, points):
    vertices = 544
    base = rng.normal(size=(BONES, 4, 4)) * 0.1 + np.eye(4)
    base[:, 3] = [0.0, 0.0, 0.0, 1.0]
    weights = rng.uniform(size=(BONES, vertices)) ** 8
    model = {
        "base_relatives": base,
        "inverse_base_absolutes": np.linalg.inv(base[::-1]),
        "base_positions": np.concatenate([rng.normal(size=(3, vertices)), np.ones((1, vertices))]),
        "weights": weights / weights.sum(0),
    }
    chosen = rng.integers(vertices, size=points)
    return 0.3 * rng.normal(size=26), model, chosen, rng.normal(size=(3, points))


def rotation_of_axis_angle(xp, v):
    norm = xp.sqrt(xp.sum(v**2))
    x, y, z = v / norm
    s, c = xp.sin(norm), xp.cos(norm)
    t = 1.0 - c
    entries = [
        x * x + (1.0 - x * x) * c, x * y * t - z * s, x * z * t + y * s,
        x * y * t + z * s, y * y + (1.0 - y * y) * c, y * z * t - x * s,
        x * z * t - y * s, z * y * t + x * s, z * z + (1.0 - z * z) * c,
    ]  # fmt: skip
    return xp.stack(entries).reshape(3, 3)


def rotation_of_euler(xp, xzy):
    """Product Rz Ry Rx as a homogeneous matrix."""
    x, z, y = xzy
    cx, sx, cy, sy, cz, sz = xp.cos(x), xp.sin(x), xp.cos(y), xp.sin(y), xp.cos(z), xp.sin(z)
    zero, one = 0.0 * cx, 0.0 * cx + 1.0
    entries = [
        cy * cz, -cx * sz + sx * sy * cz, sx * sz + cx * sy * cz, zero,
        cy * sz, cx * cz + sx * sy * sz, -sx * cz + cx * sy * sz, zero,
        -sy, sx * cy, cx * cy, zero,
        zero, zero, zero, one,
    ]  # fmt: skip
    return xp.stack(entries).reshape(4, 4)


def joint_angles(theta):
    """Angles (x, z, y) of the bones: 5 fingers of 4 joints and an end; the first has two."""
    zero, angles, at = 0.0 * theta[0], [], 6
    for _ in range(5):
        for joint in range(4):
            if joint == 1:
                angles.append((theta[at], theta[at + 1], zero))
                at += 2
            elif joint > 1:
                angles.append((theta[at], zero, zero))
                at += 1
            else:
                angles.append((zero, zero, zero))
    return [(zero, zero, zero)] * 2 + angles


@workload(sizes=[100, 192, 200, 400, 800, 1600, 3200, 6400], tiny=3, inputs=hand_inputs)
def adbench_hand(lib):
    """ADBench hand tracking: Jacobian 3n x 26 of linear blend skinning, 22 bones, 544 vertices"""
    xp = lib.np

    def errors(theta, model, chosen, points):
        absolutes = []
        for bone, angles in enumerate(joint_angles(theta)):
            relative = model["base_relatives"][bone] @ rotation_of_euler(xp, angles)
            parent = PARENTS[bone]
            absolutes.append(relative if parent < 0 else absolutes[parent] @ relative)
        positions = 0.0
        for bone, absolute in enumerate(absolutes):
            transform = absolute @ model["inverse_base_absolutes"][bone]
            moved = (transform @ model["base_positions"])[:3]
            positions = positions + moved * model["weights"][bone]
        turned = rotation_of_axis_angle(xp, theta[:3]) @ positions + theta[3:6][:, None]
        return (points - turned[:, chosen]).T.reshape(-1)

    return lib.jacfwd(errors)


# LSTM ---------------------------------------------------------------------------------------------


def lstm_inputs(rng, length):
    layers, width = 2, 14
    main, extra = rng.normal(size=(2 * layers, 4 * width)), rng.normal(size=(3, width))
    return [main, extra], rng.normal(size=(2 * layers, width)), rng.uniform(size=(length, width))


def predict(lib, params, state, x):
    """One step of the layers of diagonal LSTMs: logits and the new state."""
    xp, (main, extra), new = lib.np, params, []
    x = x * extra[0]
    for i in range(0, len(state), 2):
        hidden, cell = state[i], state[i + 1]
        gates = xp.concatenate([x, hidden, x, hidden]) * main[i] + main[i + 1]
        n = x.shape[0]
        forget, enter = sigmoid(lib, gates[:n]), sigmoid(lib, gates[n : 2 * n])
        leave, change = sigmoid(lib, gates[2 * n : 3 * n]), xp.tanh(gates[3 * n :])
        cell = cell * forget + enter * change
        x = leave * xp.tanh(cell)
        new += [x, cell]
    return x * extra[1] + extra[2], new


def gold(xp, logits, target):
    return xp.sum(target * (logits - xp.log(xp.sum(xp.exp(logits)) + 2.0)))


@workload(sizes=[1024, 4096], tiny=4, inputs=lstm_inputs)
def adbench_lstm(lib):
    """ADBench LSTM: 2 layers of 14, n characters, by scan"""

    def loss(params, state, sequence):
        def step(state, pair):
            logits, state = predict(lib, params, state, pair[0])
            return tuple(state), gold(lib.np, logits, pair[1])

        start = tuple(state[i] for i in range(len(state)))
        _, golds = lib.scan(step, start, (sequence[:-1], sequence[1:]))
        return -lib.np.sum(golds) / sequence[1:].size

    return lib.value_and_grad(loss)


@workload(sizes=(64, 1024), tiny=3, inputs=lstm_inputs)
def adbench_lstm_unrolled(lib):
    """ADBench LSTM: 2 layers of 14, n characters, unrolled as published"""

    def loss(params, state, sequence):
        total, state = 0.0, [state[i] for i in range(len(state))]
        for t in range(len(sequence) - 1):
            logits, state = predict(lib, params, state, sequence[t])
            total = total + gold(lib.np, logits, sequence[t + 1])
        return -total / sequence[1:].size

    return lib.value_and_grad(loss)

"""The four objectives of ADBench, in PyTorch."""

import math

import torch

from ..families.adbench import PARENTS, joint_angles, lower_indices
from .parts import whole


def log_wishart_prior(p, gamma, m, log_diagonals, diagonals, lower):
    n, k = p + m + 1, log_diagonals.shape[0]
    log_gamma_distrib = 0.25 * p * (p - 1) * math.log(math.pi)
    log_gamma_distrib += sum(math.lgamma(0.5 * n + 0.5 * (1 - j)) for j in range(1, p + 1))
    frobenius = torch.sum(diagonals**2) + torch.sum(lower**2)
    constant = n * p * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma_distrib
    return 0.5 * gamma**2 * frobenius - m * torch.sum(log_diagonals) - k * constant


def adbench_gmm(params, x):
    alphas, means, icf = params
    n, d = x.shape
    log_diagonals, lower = icf[:, :d], icf[:, d:]
    diagonals = torch.exp(log_diagonals)
    zero = x.new_zeros(len(alphas), 1)
    factors = torch.cat([zero, lower], 1)[:, torch.from_numpy(lower_indices(d))]
    centred = x[:, None, :] - means
    white = diagonals * centred + torch.einsum("kij,nkj->nki", factors, centred)
    terms = alphas + log_diagonals.sum(1) - 0.5 * (white**2).sum(2)
    total = torch.logsumexp(terms, 1).sum() - n * torch.logsumexp(alphas, 0)
    prior = log_wishart_prior(d, 1.0, 0, log_diagonals, diagonals, lower)
    return total - n * d * 0.5 * math.log(2.0 * math.pi) + prior


def rotate(rotation, x):
    theta = torch.sqrt(torch.sum(rotation**2))
    axis = rotation / theta
    along = torch.sum(axis * x) * (1.0 - torch.cos(theta))
    crossed = torch.linalg.cross(axis, x)
    return x * torch.cos(theta) + crossed * torch.sin(theta) + axis * along


def reprojection_error(params, feature):
    camera, point, weight = params[:11], params[11:14], params[14]
    x = rotate(camera[:3], point - camera[3:6])
    seen = x[:2] / x[2]
    square = torch.sum(seen**2)
    seen = seen * (1.0 + camera[9] * square + camera[10] * square * square)
    return weight * (seen * camera[6] + camera[7:9] - feature)


@whole
def adbench_ba(compiled):
    jacobians = torch.vmap(torch.func.jacrev(reprojection_error))
    return compiled(lambda params, features: (jacobians(params, features), -2.0 * params[:, 14]))


@whole
def adbench_ba_single(compiled):
    error = compiled(reprojection_error)

    def step(params, feature):
        params = params.detach().requires_grad_()
        out = error(params, feature)
        # ADBench's own way: a backward pass a row
        rows = [torch.autograd.grad(y, params, retain_graph=True)[0] for y in out]
        return torch.stack(rows)

    return step


def rotation_of_axis_angle(v):
    norm = torch.sqrt(torch.sum(v**2))
    x, y, z = v / norm
    s, c = torch.sin(norm), torch.cos(norm)
    t = 1.0 - c
    entries = [
        x * x + (1.0 - x * x) * c, x * y * t - z * s, x * z * t + y * s,
        x * y * t + z * s, y * y + (1.0 - y * y) * c, y * z * t - x * s,
        x * z * t - y * s, z * y * t + x * s, z * z + (1.0 - z * z) * c,
    ]  # fmt: skip
    return torch.stack(entries).reshape(3, 3)


def rotation_of_euler(xzy):
    x, z, y = xzy
    cx, sx, cy, sy = torch.cos(x), torch.sin(x), torch.cos(y), torch.sin(y)
    cz, sz = torch.cos(z), torch.sin(z)
    zero, one = torch.zeros_like(cx), torch.ones_like(cx)
    entries = [
        cy * cz, -cx * sz + sx * sy * cz, sx * sz + cx * sy * cz, zero,
        cy * sz, cx * cz + sx * sy * sz, -sx * cz + cx * sy * sz, zero,
        -sy, sx * cy, cx * cy, zero,
        zero, zero, zero, one,
    ]  # fmt: skip
    return torch.stack(entries).reshape(4, 4)


@whole
def adbench_hand(compiled):
    def errors(theta, model, chosen, points):
        absolutes = []
        for bone, angles in enumerate(joint_angles(theta)):
            relative = model["base_relatives"][bone] @ rotation_of_euler(angles)
            parent = PARENTS[bone]
            absolutes.append(relative if parent < 0 else absolutes[parent] @ relative)
        transforms = torch.stack(absolutes) @ model["inverse_base_absolutes"]
        moved = (transforms @ model["base_positions"])[:, :3]
        positions = torch.sum(moved * model["weights"][:, None, :], 0)
        turned = rotation_of_axis_angle(theta[:3]) @ positions + theta[3:6][:, None]
        return (points - turned[:, chosen]).T.reshape(-1)

    return compiled(torch.func.jacfwd(errors))


def predict(params, state, x):
    (main, extra), new = params, []
    x = x * extra[0]
    for i in range(0, len(state), 2):
        gates = torch.cat([x, state[i], x, state[i]]) * main[i] + main[i + 1]
        forget, enter, leave, change = gates.chunk(4)
        cell = state[i + 1] * torch.sigmoid(forget) + torch.sigmoid(enter) * torch.tanh(change)
        x = torch.sigmoid(leave) * torch.tanh(cell)
        new += [x, cell]
    return x * extra[1] + extra[2], new


def adbench_lstm(params, state, sequence):
    total, state = 0.0, list(state)
    for t in range(len(sequence) - 1):
        logits, state = predict(params, state, sequence[t])
        target = sequence[t + 1]
        total = total + torch.sum(target * (logits - torch.log(torch.exp(logits).sum() + 2.0)))
    return -total / sequence[1:].numel()


adbench_lstm_unrolled = adbench_lstm

"""Recurrent networks, in PyTorch: loops in Python."""

import torch

from .parts import cross_entropy, sgd_step, whole


def lstm_cell(params, h, c, x):
    z = x @ params[0] + h @ params[1] + params[2]
    i, f, g, o = z.chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru(params, xs):
    n = params["wh"].shape[0]
    h = xs.new_zeros(xs.shape[1], n)
    for x in xs:
        gx, gh = torch.addmm(params["b"], x, params["wx"]), h @ params["wh"]
        r = torch.sigmoid(gx[:, :n] + gh[:, :n])
        z = torch.sigmoid(gx[:, n : 2 * n] + gh[:, n : 2 * n])
        new = torch.tanh(gx[:, 2 * n :] + r * gh[:, 2 * n :])
        h = (1 - z) * new + z * h
    return (h**2).sum()


@whole
def lstm(compiled):
    def loss(params, xs, y):
        h = c = xs.new_zeros(xs.shape[1], params[1].shape[0])
        for x in xs:
            h, c = lstm_cell(params, h, c, x)
        return cross_entropy(torch.addmm(params[4], h, params[3]), y)

    return sgd_step(compiled(loss))


def lstm_vmap(params, xs):
    def one(xs):
        h = c = xs.new_zeros(params[1].shape[0])
        for x in xs:
            h, c = lstm_cell(params, h, c, x)
        return torch.sum(h**2)

    return torch.sum(torch.vmap(one)(xs)) / len(xs)


def rnn_unrolled(params, xs):
    h = xs.new_zeros(1, 8)
    for x in xs:
        h = torch.tanh(h @ params[0] + x @ params[1])
    return torch.sum(h**2)


def neural_ode(params, y, target, steps):
    w1, b1, w2, b2 = params
    rhs = lambda y: torch.addmm(b2, torch.tanh(torch.addmm(b1, y, w1)), w2)
    for h in steps:
        k1 = rhs(y)
        k2 = rhs(y + 0.5 * h * k1)
        k3 = rhs(y + 0.5 * h * k2)
        k4 = rhs(y + h * k3)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return ((y - target) ** 2).mean()


def state_space(params, xs):
    decay = torch.sigmoid(params[0])
    h, hs = xs.new_zeros(xs.shape[1], 64), []
    for u in xs @ params[1]:
        h = decay * h + (1.0 - decay) * u
        hs.append(h)
    return ((torch.tanh(torch.stack(hs)) @ params[2] - xs) ** 2).mean()

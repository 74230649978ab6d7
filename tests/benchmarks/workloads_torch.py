"""The workloads of ``workloads.py`` as a user of PyTorch writes them, eager.

Same numbers and formulas; where PyTorch has a function for a formula (``cross_entropy``,
``layer_norm``, ``addmm``), that is used. State is updated in place.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (as its users write it)
from inputs import HIDDEN, WIDTH
from workloads import B1, B2, EPS, HEADS, RATE


def leaves(tree):
    """Return the tensors of dicts and lists."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    nested = tree.values() if isinstance(tree, dict) else tree
    return [x for part in nested for x in leaves(part)]


def gradients(loss, params, *args):
    """Return value and gradients: a tree like the parameters."""
    for p in leaves(params):
        p.requires_grad_()
        p.grad = None
    value = loss(params, *args)
    value.backward()
    return value.detach(), grads_of(params)


def grads_of(params):
    if isinstance(params, torch.Tensor):
        return params.grad
    if isinstance(params, dict):
        return {name: grads_of(part) for name, part in params.items()}
    return [grads_of(part) for part in params]


def mlp(params, x, activation):
    for k in range(0, len(params) - 2, 2):
        x = activation(torch.addmm(params[k + 1], x, params[k]))
    return torch.addmm(params[-1], x, params[-2])


def tanh_loss(params, x, y):
    return F.mse_loss(mlp(params, x, torch.tanh), y)


def relu_loss(params, x, y):
    return F.cross_entropy(mlp(params, x, torch.relu), y)


@torch.no_grad()
def adam(state, grads):
    state["count"] += 1
    count = state["count"].item()
    rate = RATE * (1 - B2**count) ** 0.5 / (1 - B1**count)
    for p, m, v, g in zip(state["params"], state["m"], state["v"], grads, strict=True):
        m.mul_(B1).add_(g, alpha=1 - B1)
        v.mul_(B2).addcmul_(g, g, value=1 - B2)
        p.addcdiv_(m, v.sqrt().add_(EPS), value=-rate)


def adam_step(loss):
    def step(state, x, y):
        value, grads = gradients(loss, state["params"], x, y)
        adam(state, grads)
        return state, value

    return step


def cnn():
    def layer(x, w, b):
        x = torch.relu(F.conv2d(x, w.permute(3, 2, 0, 1), b, padding="same"))
        return F.max_pool2d(x, 2)

    def loss(params, x, y):
        w1, b1, w2, b2, w3, b3 = params
        # [B, H, W, C] seen as [B, C, H, W]: PyTorch's own channels_last format, no copy
        h = layer(layer(x.permute(0, 3, 1, 2), w1, b1), w2, b2)
        h = h.permute(0, 2, 3, 1).reshape(len(x), -1)
        return F.cross_entropy(torch.addmm(b3, h, w3), y)

    def step(params, x, y):
        value, grads = gradients(loss, params, x, y)
        with torch.no_grad():
            for p, g in zip(params, grads, strict=True):
                p.sub_(g, alpha=0.01)
        return params, value

    return step


def gru_loss(params, xs):
    n, h = HIDDEN, torch.zeros(xs.shape[1], HIDDEN)
    for x in xs:
        gx, gh = torch.addmm(params["b"], x, params["wx"]), h @ params["wh"]
        r = torch.sigmoid(gx[:, :n] + gh[:, :n])
        z = torch.sigmoid(gx[:, n : 2 * n] + gh[:, n : 2 * n])
        new = torch.tanh(gx[:, 2 * n :] + r * gh[:, 2 * n :])
        h = (1 - z) * new + z * h
    return (h**2).sum()


def attend(x, qkv, out):
    b, t, d = x.shape
    q, k, v = (p.reshape(b, t, HEADS, -1).transpose(1, 2) for p in (x @ qkv).split(d, dim=-1))
    weights = torch.softmax(q @ k.mT * (d // HEADS) ** -0.5, dim=-1)
    return (weights @ v).transpose(1, 2).reshape(b, t, d) @ out


def attention_loss(params, x):
    norm = lambda x, name: F.layer_norm(x, (WIDTH,), *params[name])
    x = x + attend(norm(x, "norm1"), params["qkv"], params["out"])
    w1, b1, w2, b2 = params["mlp"]
    h = F.gelu(norm(x, "norm2") @ w1 + b1, approximate="tanh")
    x = x + h @ w2 + b2
    return (x * x).mean()


def elementwise(x):
    square = x * x
    return (torch.tanh(x) * torch.exp(-square) + torch.sin(x) * square).sum()


def hvp(params, v, x, y):
    # written out: forward mode through the gradient of mse_loss raises
    loss = lambda params: ((mlp(params, x, torch.tanh) - y) ** 2).mean()
    grad = torch.func.grad(loss)
    return torch.func.jvp(grad, (params,), (v,))[1]


def example_loss(params, x, y):
    return tanh_loss(params, x[None], y[None])


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def gradient_of(loss):
    return lambda *args: gradients(loss, *args)[1]


# fmt: off
STEPS = {
    "mlp-tiny":    lambda: adam_step(tanh_loss),
    "mlp-mnist":   lambda: adam_step(relu_loss),
    "mlp-wide":    lambda: adam_step(relu_loss),
    "mlp-deep":    lambda: adam_step(tanh_loss),
    "cnn":         cnn,
    "gru":         lambda: gradient_of(gru_loss),
    "attention":   lambda: lambda *args: gradients(attention_loss, *args),
    "elementwise": lambda: gradient_of(elementwise),
    "hvp":         lambda: hvp,
    "per-example": lambda: torch.vmap(torch.func.grad(example_loss), (None, 0, 0)),
    "hessian":     lambda: torch.func.hessian(rosenbrock),
    "rosenbrock":  lambda: gradient_of(rosenbrock),
}
# fmt: on

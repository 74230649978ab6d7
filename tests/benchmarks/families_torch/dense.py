"""Dense networks, in PyTorch."""

import torch
import torch.nn.functional as F  # noqa: N812 (as its users write it)

from .parts import adam_step, cross_entropy, mlp, whole


def tanh_loss(params, x, y):
    return F.mse_loss(mlp(params, x), y)


def relu_loss(params, x, y):
    return cross_entropy(mlp(params, x, torch.relu), y)


@whole
def mlp_tiny(compiled):
    return adam_step(compiled(tanh_loss))


@whole
def mlp_mnist(compiled):
    return adam_step(compiled(relu_loss))


@whole
def mlp_wide(compiled):
    return adam_step(compiled(relu_loss))


@whole
def mlp_deep(compiled):
    return adam_step(compiled(tanh_loss))


@whole
def hvp(compiled):
    def product(params, v, x, y):
        # written out: forward mode through the gradient of mse_loss raises
        loss = lambda params: ((mlp(params, x) - y) ** 2).mean()
        return torch.func.jvp(torch.func.grad(loss), (params,), (v,))[1]

    return compiled(product)


def example_loss(params, x, y):
    return tanh_loss(params, x[None], y[None])


@whole
def per_example(compiled):
    return compiled(torch.vmap(torch.func.grad(example_loss), (None, 0, 0)))


@whole
def network_hessian(compiled):
    def loss(flat, x, y):
        n = (flat.shape[0] - 1) // 6
        w1, b1 = flat[: 4 * n].reshape(4, n), flat[4 * n : 5 * n]
        w2, b2 = flat[5 * n : 6 * n].reshape(n, 1), flat[6 * n :]
        return ((mlp([w1, b1, w2, b2], x) - y) ** 2).mean()

    return compiled(torch.func.hessian(loss))


@whole
def ensemble(compiled):
    gradient = torch.vmap(torch.func.grad_and_value(tanh_loss), (0, None, None))
    return compiled(lambda *args: gradient(*args)[::-1])


def many_classes(params, x, labels):
    return F.cross_entropy(torch.addmm(params[1], x, params[0]), labels)


def batch_norm_mlp(params, x, y):
    for k in (0, 3):
        w, scale, shift = params[k : k + 3]
        x = F.silu(F.batch_norm(x @ w, None, None, scale, shift, training=True))
    decay = sum(torch.sum(p**2) for p in params)
    return F.mse_loss(torch.addmm(params[-1], x, params[-2]), y) + 1e-4 * decay

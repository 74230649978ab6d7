"""Parts that workloads in PyTorch share.

A file of this folder defines a loss for each workload of the file of its name in ``families/``, a
function of the same arguments; value and gradient are taken by ``backward``. Where the step is
something else, ``whole`` marks a function that returns the step, given ``torch.compile`` or the
identity.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (as its users write it)

RATE, B1, B2, EPS = 1e-3, 0.9, 0.999, 1e-8


def whole(make):
    make.whole = True
    return make


def leaves(tree):
    """Tensors of dicts, lists and tuples."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    nested = tree.values() if isinstance(tree, dict) else tree
    return [x for part in nested for x in leaves(part)]


def grads_of(params):
    if isinstance(params, torch.Tensor):
        return params.grad
    if isinstance(params, dict):
        return {name: grads_of(part) for name, part in params.items()}
    return [grads_of(part) for part in params]


def value_and_grad(loss):
    """Value and gradient with respect to the first argument, a tree of tensors."""

    def step(params, *args):
        for p in leaves(params):
            p.requires_grad_()
            p.grad = None
        value = loss(params, *args)
        value.backward()
        return value.detach(), grads_of(params)

    return step


def mlp(params, x, activation=torch.tanh):
    for k in range(0, len(params) - 2, 2):
        x = activation(torch.addmm(params[k + 1], x, params[k]))
    return torch.addmm(params[-1], x, params[-2])


def cross_entropy(logits, y):
    return F.cross_entropy(logits, y)


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
    """Training step that updates its state in place."""
    both = value_and_grad(loss)

    def step(state, *args):
        value, grads = both(state["params"], *args)
        adam(state, grads)
        return state, value

    return step


def sgd_step(loss, rate=0.01):
    both = value_and_grad(loss)

    def step(params, *args):
        value, grads = both(params, *args)
        with torch.no_grad():
            for p, g in zip(leaves(params), leaves(grads), strict=True):
                p.sub_(g, alpha=rate)
        return params, value

    return step

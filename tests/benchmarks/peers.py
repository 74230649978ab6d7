"""What each library calls things: one small class a library, all with the same methods.

``step(workload)`` makes the step of a workload, ``arrays(tree)`` fresh copies of its inputs,
``ready(out)`` waits for a result. A library is imported when its class is called; ``lib`` holds
the names that the functions of ``families/`` use.
"""

import importlib
from types import SimpleNamespace

import numpy as np

from .workload import MissingError, tree_map


def convolution(lax):
    """The convolution of a library with JAX's names."""
    return lambda x, w, stride, dilation, groups: lax.conv_general_dilated(
        x,
        w,
        (stride, stride),
        "SAME",
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def donated(workload):
    return (0,) if workload.carried else ()


class Peer:
    """A library that takes NumPy arrays and gives them."""

    def step(self, workload):
        return workload.make(self.lib)

    def arrays(self, tree):
        return tree_map(np.array, tree)

    def ready(self, out):
        return out

    def forget(self):
        """Drop what was compiled."""


class Funcgrad(Peer):
    """funcgrad, eager: a call runs operation by operation."""

    def __init__(self):
        import funcgrad as fg
        from funcgrad import lax, special

        self.fg, self.version = fg, f"funcgrad {fg.__version__}, NumPy {np.__version__}"
        self.lib = SimpleNamespace(
            name="funcgrad",
            np=np,
            grad=fg.grad,
            value_and_grad=fg.value_and_grad,
            hessian=fg.hessian,
            jacrev=fg.jacrev,
            jacfwd=fg.jacfwd,
            hvp=lambda f, x, v: fg.hvp(f, (x,), (v,)),
            vmap=lambda f, axes: fg.vmap(f, axes),
            scan=lax.scan,
            stop_gradient=fg.stop_gradient,
            conv=with_defaults(convolution(lax)),
            max_pool=lambda x, size, stride: pooled(lax, np, x, size, stride),
            segment_sum=lambda x, ids, count: fg.at(np.zeros((count, *x.shape[1:]), x.dtype))[
                ids
            ].add(x),
            solve_triangular=self.solve_triangular,
            gammaln=special.gammaln,
        )

    def solve_triangular(self, a, b, lower):
        from funcgrad.scipy.linalg import solve_triangular

        return solve_triangular(a, b, lower=lower)


class FuncgradJit(Funcgrad):
    """funcgrad, compiled by ``jit``, the state donated."""

    def step(self, workload):
        return self.fg.jit(super().step(workload), donate_argnums=donated(workload))


class FuncgradC(Funcgrad):
    """funcgrad, compiled by ``jit`` with loops and chains in C, the state donated."""

    def step(self, workload):
        made = Funcgrad.step(self, workload)
        return self.fg.jit(made, donate_argnums=donated(workload), backend="c")


class FuncgradAuto(Funcgrad):
    """funcgrad, compiled by ``jit`` with C where its cost model says so, the state donated."""

    def step(self, workload):
        made = Funcgrad.step(self, workload)
        return self.fg.jit(made, donate_argnums=donated(workload), backend="auto")


class Jax(Peer):
    """JAX, compiled by ``jit``, the state donated; JAX_ENABLE_X64 must be set."""

    def __init__(self):
        import jax
        import jax.numpy as jnp
        from jax.scipy.linalg import solve_triangular
        from jax.scipy.special import gammaln

        lax = jax.lax
        self.jax, self.version = jax, f"JAX {jax.__version__}"
        self.lib = SimpleNamespace(
            name="JAX",
            np=jnp,
            grad=jax.grad,
            value_and_grad=jax.value_and_grad,
            hessian=jax.hessian,
            jacrev=jax.jacrev,
            jacfwd=jax.jacfwd,
            hvp=lambda f, x, v: jax.jvp(jax.grad(f), (x,), (v,))[1],
            vmap=jax.vmap,
            scan=lax.scan,
            stop_gradient=lax.stop_gradient,
            conv=with_defaults(convolution(lax)),
            max_pool=lambda x, size, stride: pooled(lax, jnp, x, size, stride),
            segment_sum=lambda x, ids, count: jax.ops.segment_sum(x, ids, count),
            solve_triangular=solve_triangular,
            gammaln=gammaln,
        )

    def step(self, workload):
        return self.jax.jit(super().step(workload), donate_argnums=donated(workload))

    def arrays(self, tree):
        return self.ready(tree_map(lambda x: self.lib.np.array(x, copy=True), tree))

    def ready(self, out):
        return self.jax.block_until_ready(out)

    def forget(self):
        self.jax.clear_caches()


class FuncgradXla(Funcgrad):
    """funcgrad, replayed on JAX and compiled by XLA, on JAX's arrays."""

    def __init__(self):
        import jax

        super().__init__()
        self.jax = jax
        self.version = f"{self.version}, JAX {jax.__version__}"

    def step(self, workload):
        made = self.fg.bridge.to_jax(Funcgrad.step(self, workload))
        return self.jax.jit(made, donate_argnums=donated(workload))

    def arrays(self, tree):
        return self.ready(tree_map(lambda x: self.jax.numpy.array(x, copy=True), tree))

    def ready(self, out):
        return self.jax.block_until_ready(out)

    def forget(self):
        self.jax.clear_caches()


class Torch(Peer):
    """PyTorch, eager, on one thread."""

    def __init__(self):
        import torch

        torch.set_num_threads(1)
        self.torch, self.version = torch, f"PyTorch {torch.__version__}"

    def compiled(self, function):
        return function

    def step(self, workload):
        name = workload.make.__module__.rpartition(".")[2]
        module = importlib.import_module(f"{__package__}.families_torch.{name}")
        function = getattr(module, workload.make.__name__)
        if getattr(function, "whole", False):
            return function(self.compiled)
        return module_parts().value_and_grad(self.compiled(function))

    def arrays(self, tree):
        return tree_map(lambda x: self.torch.from_numpy(np.array(x)), tree)


class TorchCompile(Torch):
    """PyTorch, compiled by ``torch.compile``, which unrolls loops."""

    def compiled(self, function):
        return self.torch.compile(function, dynamic=False)

    def forget(self):
        self.torch._dynamo.reset()


def module_parts():
    return importlib.import_module(f"{__package__}.families_torch.parts")


class Autograd(Peer):
    """HIPS autograd: no vmap and no scan, so loops in Python."""

    def __init__(self):
        from importlib.metadata import version

        import autograd
        import autograd.numpy as anp
        from autograd.tracer import getval

        def hvp(f, x, v):
            along = lambda x: sum(
                anp.sum(g * t) for g, t in zip(autograd.grad(f)(x), v, strict=True)
            )
            return autograd.grad(along)(x)

        self.version = f"autograd {version('autograd')}"
        self.lib = SimpleNamespace(
            name="autograd",
            np=anp,
            grad=autograd.grad,
            value_and_grad=autograd.value_and_grad,
            hessian=autograd.hessian,
            jacrev=autograd.jacobian,
            jacfwd=autograd.jacobian,
            hvp=hvp,
            vmap=lambda f, axes: one_by_one(f, axes, anp.stack),
            scan=lambda f, carry, xs: looped(f, carry, xs, anp.stack),
            stop_gradient=getval,
            conv=missing("autograd has no strided, batched convolution"),
            max_pool=missing("autograd has no pooling"),
            segment_sum=missing("autograd has no scatter of traced values"),
            solve_triangular=self.solve_triangular,
            gammaln=self.gammaln,
        )

    def solve_triangular(self, a, b, lower):
        from autograd.scipy.linalg import solve_triangular

        return solve_triangular(a, b, lower=lower)

    def gammaln(self, x):
        from autograd.scipy.special import gammaln

        return gammaln(x)


class ByHand(Peer):
    """NumPy, value and gradient written by hand, where ``by_hand.py`` has them."""

    def __init__(self):
        from . import by_hand

        self.steps, self.version = by_hand.STEPS, f"NumPy {np.__version__}"

    def step(self, workload):
        if workload.name not in self.steps:
            raise MissingError("not written by hand")  # the report's NOT_WRITTEN
        return self.steps[workload.name]


def with_defaults(conv):
    return lambda x, w, stride=1, dilation=1, groups=1: conv(x, w, stride, dilation, groups)


def pooled(lax, xp, x, size, stride):
    window, strides = (1, size, size, 1), (1, stride, stride, 1)
    return lax.reduce_window(x, -xp.inf, lax.max, window, strides, "VALID")


def missing(reason):
    def refuse(*args, **kwargs):
        raise MissingError(reason)

    return refuse


def one_by_one(f, axes, stack):
    """Stacked results of a function of examples, in a Python loop."""

    def stacked(*args):
        count = next(
            len(first(arg)) for arg, axis in zip(args, axes, strict=True) if axis is not None
        )
        results = [
            f(*(
                arg if axis is None else tree_map(lambda x, i=i: x[i], arg)
                for arg, axis in zip(args, axes, strict=True)
            ))
            for i in range(count)
        ]  # fmt: skip
        return joined(results, stack)

    return stacked


def first(tree):
    while isinstance(tree, dict | list | tuple):
        tree = next(iter(tree.values() if isinstance(tree, dict) else tree))
    return tree


def joined(results, stack):
    """One tree of stacked leaves of a list of trees."""
    one = results[0]
    if isinstance(one, dict):
        return {name: joined([r[name] for r in results], stack) for name in one}
    if isinstance(one, list | tuple):
        columns = zip(*results, strict=True)
        return type(one)(joined(list(column), stack) for column in columns)
    return None if one is None else stack(results)


def looped(f, carry, xs, stack):
    """Scan in a Python loop."""
    outs = []
    for i in range(len(first(xs))):
        carry, out = f(carry, tree_map(lambda x, i=i: x[i], xs))
        outs.append(out)
    return carry, joined(outs, stack)


# fmt: off
PEERS = {
    "jit":           FuncgradJit,
    "eager":         Funcgrad,
    "c":             FuncgradC,
    "auto":          FuncgradAuto,
    "xla":           FuncgradXla,
    "by-hand":       ByHand,
    "jax":           Jax,
    "torch":         Torch,
    "torch-compile": TorchCompile,
    "autograd":      Autograd,
}
# fmt: on

"""What each library calls things: one small class a library, all with the same methods.

``step(name)`` makes a fresh workload, ``arrays(tree)`` fresh copies of its inputs, ``ready(out)``
waits for a result. A library is imported when its class is called.
"""

from types import SimpleNamespace

import numpy as np
import workloads
from inputs import CARRIED
from workload import MissingError, tree_map


def donated(name):
    return (0,) if name in CARRIED else ()


class Funcgrad:
    """funcgrad, eager: a call runs operation by operation."""

    compiles, on_numpy = False, True

    def __init__(self):
        import funcgrad as fg

        self.fg, self.version = fg, f"NumPy {np.__version__}"
        self.lib = SimpleNamespace(
            name="funcgrad",
            np=np,
            lax=fg.lax,
            grad=fg.grad,
            value_and_grad=fg.value_and_grad,
            hessian=fg.hessian,
            hvp=lambda f, x, v: fg.hvp(f, (x,), (v,)),
            per_example=lambda f: fg.vmap(f, (None, 0, 0)),
            scan=fg.lax.scan,
            stop_gradient=fg.stop_gradient,
        )

    def step(self, name):
        return workloads.STEPS[name](self.lib)

    def arrays(self, tree):
        return tree_map(np.array, tree)

    def ready(self, out):
        return out


class FuncgradJit(Funcgrad):
    """funcgrad, compiled by ``jit``, the state donated."""

    compiles = True

    def __init__(self):
        super().__init__()
        if not hasattr(self.fg, "jit"):
            raise MissingError("this funcgrad has no jit")

    def jit(self, f, name=None):
        return self.fg.jit(f, donate_argnums=donated(name))

    def step(self, name):
        return self.jit(super().step(name), name)


class Jax:
    """JAX, compiled by ``jit``, the state donated."""

    compiles, on_numpy = True, False

    def __init__(self):
        import jax
        import jax.numpy as jnp

        self.jax, self.version = jax, f"JAX {jax.__version__}"
        self.lib = SimpleNamespace(
            name="JAX",
            np=jnp,
            lax=jax.lax,
            grad=jax.grad,
            value_and_grad=jax.value_and_grad,
            hessian=jax.hessian,
            hvp=lambda f, x, v: jax.jvp(jax.grad(f), (x,), (v,))[1],
            per_example=lambda f: jax.vmap(f, (None, 0, 0)),
            scan=jax.lax.scan,
            stop_gradient=jax.lax.stop_gradient,
        )

    def jit(self, f, name=None):
        return self.jax.jit(f, donate_argnums=donated(name))

    def step(self, name):
        return self.jit(workloads.STEPS[name](self.lib), name)

    def arrays(self, tree):
        return self.ready(tree_map(lambda x: self.lib.np.array(x, copy=True), tree))

    def ready(self, out):
        return self.jax.block_until_ready(out)

    def planned(self, step, args):
        """Return the bytes XLA plans for one call: temporaries and outputs that are not inputs."""
        plan = step.lower(*args).compile().memory_analysis()
        return plan.temp_size_in_bytes + plan.output_size_in_bytes - plan.alias_size_in_bytes


class Torch:
    """PyTorch, eager, on one thread."""

    compiles, on_numpy = False, False

    def __init__(self):
        import torch
        import workloads_torch

        torch.set_num_threads(1)
        self.torch, self.steps = torch, workloads_torch.STEPS
        self.version = f"PyTorch {torch.__version__}"

    def step(self, name):
        return self.steps[name]()

    def arrays(self, tree):
        return tree_map(lambda x: self.torch.from_numpy(np.array(x)), tree)

    def ready(self, out):
        return out


class Autograd:
    """HIPS autograd: no vmap and no scan, so loops in Python."""

    compiles, on_numpy = False, True

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
            lax=None,
            grad=autograd.grad,
            value_and_grad=autograd.value_and_grad,
            hessian=autograd.hessian,
            hvp=hvp,
            per_example=one_by_one,
            scan=last_of_loop,
            stop_gradient=getval,
        )

    def step(self, name):
        return workloads.STEPS[name](self.lib)

    def arrays(self, tree):
        return tree_map(np.array, tree)

    def ready(self, out):
        return out


def one_by_one(f):
    """Return the stacked results of a function of shared parameters and single examples."""

    def stacked(params, xs, ys):
        results = [f(params, x, y) for x, y in zip(xs, ys, strict=True)]
        return [np.stack(column) for column in zip(*results, strict=True)]

    return stacked


def last_of_loop(f, carry, xs):
    for x in xs:
        carry, _ = f(carry, x)
    return carry, None


# fmt: off
LIBRARIES = {
    "funcgrad-jit": FuncgradJit,
    "funcgrad":     Funcgrad,
    "jax":          Jax,
    "torch":        Torch,
    "autograd":     Autograd,
}
# fmt: on

"""What a workload of the broad benchmark is, and the table that the files of ``families/`` fill.

A workload is a function of a library: it returns one full step from inputs to outputs, mostly
value and gradient of a loss with respect to the first argument. Its size is a number; three are
drawn from a seed, so that nothing can be tuned to them.
"""

import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class MissingError(Exception):
    """A library cannot express a workload; the text says why."""


class Workload(NamedTuple):
    """Inputs of a size, and the step of a library that takes them.

    Args:
        sizes: bounds between which sizes are drawn, or a list of published sizes.
        tiny: the size at which the test suite runs it.
        inputs: of a generator of random numbers and a size, the arguments of the step.
        make: of a library, the step.
        carried: whether the first argument is a state, which the step returns first.
    """

    name: str
    family: str
    about: str
    sizes: tuple[int, int] | list[int]
    tiny: int
    dtype: str
    inputs: Callable
    make: Callable
    carried: bool

    def arguments(self, size, seed):
        """Arguments of the step, floats in the dtype of the family."""
        return cast(self.inputs(generator(self.name, seed), size), self.dtype)


WORKLOADS: dict[str, Workload] = {}


def family(title, dtype):
    """Decorator with which a file of ``families/`` adds its workloads."""

    def add(sizes, tiny, inputs, carried=False):
        def register(make):
            name = make.__name__.replace("_", "-")
            about = make.__doc__.splitlines()[0]
            WORKLOADS[name] = Workload(
                name, title, about, sizes, tiny, dtype, inputs, make, carried
            )
            return make

        return register

    return add


def generator(name, seed):
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def drawn_sizes(workload, seed, count=3):
    """Sizes in increasing order, each from its own part of the range on a logarithmic scale."""
    rng = generator(workload.name + " sizes", seed)
    if isinstance(workload.sizes, list):
        few = min(count, len(workload.sizes))
        return sorted(rng.choice(workload.sizes, few, replace=False).tolist())
    edges = np.linspace(*np.log(workload.sizes), count + 1)
    return np.round(np.exp(rng.uniform(edges[:-1], edges[1:]))).astype(int).tolist()


def tree_map(f, tree):
    """Apply a function to the leaves of dicts (by sorted keys, as JAX does), lists and tuples."""
    if isinstance(tree, dict):
        return {name: tree_map(f, tree[name]) for name in sorted(tree)}
    if isinstance(tree, list | tuple):
        return type(tree)(tree_map(f, part) for part in tree)
    return f(tree)


def leaves(tree):
    found = []
    tree_map(found.append, tree)
    return found


def cast(tree, dtype):
    def leaf(x):
        x = np.asarray(x)
        return x.astype(dtype) if x.dtype.kind == "f" else x

    return tree_map(leaf, tree)

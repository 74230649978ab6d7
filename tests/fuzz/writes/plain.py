"""What a program that writes means without the library.

Arguments of the functions that the library calls behave as copies, and so do their results; both
are in C order for bodies.
"""

import types
from typing import Any

import numpy as np

import funcgrad as fg
from funcgrad.core.trace import Tracer
from funcgrad.ops.layout import zeros_in_order

from .. import plain


def copied(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(map(copied, x))
    # inside of a gradient, arguments of bodies are traced
    return x.copy() if isinstance(x, (np.ndarray, Tracer)) else x


def doubled(x: Any) -> Any:
    """A copy with the same strides, negative ones too."""
    if not isinstance(x, np.ndarray):
        return copied(x)
    y = np.empty(x.shape, x.dtype) if x.flags.c_contiguous else zeros_in_order(x)
    y[...] = x
    return y


def owned(fun: Any, copied_in: Any = copied) -> Any:
    """A function of copies, whose results are copies; arrays made before it began are read-only."""

    def call(*args: Any) -> Any:
        outside = [x for x in free_variables(fun) if isinstance(x, np.ndarray)]
        outside = [x for x in outside if x.flags.writeable]
        outside.sort(key=lambda x: x.base is not None)  # a view is set after its base
        try:
            for x in outside:
                x.flags.writeable = False
            return copied(fun(*map(copied_in, args)))
        finally:
            for x in outside:
                x.flags.writeable = True

    return call


def free_variables(fun: Any) -> list[Any]:
    """What a function, and those that it defines, may read beside arguments."""
    cells = [cell.cell_contents for cell in fun.__closure__ or ()]
    return [*cells, *(fun.__globals__.get(name) for name in names_in(fun.__code__))]


def names_in(code: types.CodeType) -> set[str]:
    inner = [names_in(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inner)


def cond(pred: Any, true: Any, false: Any, *operands: Any) -> Any:
    return switch(0 if pred else 1, (true, false), *operands)


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    outs = [owned(branch)(*operands) for branch in branches]  # a program holds all of them
    return outs[min(max(int(index), 0), len(branches) - 1)]


def scan(body: Any, carry: Any, xs: Any) -> Any:
    def step(c: Any, x: Any) -> Any:
        new, y = owned(body)(c, x)
        return steady(new, c), y

    return plain.scan(step, copied(carry), xs)


def while_loop(test: Any, body: Any, value: Any) -> Any:
    return plain.while_loop(owned(test), lambda c: steady(owned(body)(c), c), copied(value))


def fori_loop(low: int, high: int, body: Any, value: Any) -> Any:
    step = lambda i, c: steady(owned(body)(i, c), c)
    return plain.fori_loop(low, high, step, copied(value))


def steady(new: Any, carry: Any) -> Any:
    """The carry after a step, which must keep its shape."""
    pairs = zip(new, carry, strict=True) if isinstance(carry, tuple) else [(new, carry)]
    if any(np.shape(x) != np.shape(y) for x, y in pairs):
        raise ValueError("a step changes the shape of the carry")
    return new


def map_(fun: Any, xs: Any) -> Any:
    return np.stack([owned(fun)(x) for x in xs])


def vmap(fun: Any) -> Any:
    return lambda *args: np.stack([owned(fun)(*rows) for rows in zip(*args, strict=True)])


def grad(fun: Any) -> Any:
    return lambda *args: copied(fg.grad(fun)(*map(doubled, args)))


def jit(fun: Any) -> Any:
    return owned(fun, doubled)


LAX = types.SimpleNamespace(
    cond=cond, switch=switch, scan=scan, while_loop=while_loop, fori_loop=fori_loop, map=map_
)
PLAIN = types.SimpleNamespace(
    lax=LAX, vmap=vmap, jit=jit, checkpoint=owned, grad=grad, special=fg.special
)

NAMESPACE: dict[str, Any] = {"np": np, "fg": PLAIN}
TRACED: dict[str, Any] = {"np": np, "fg": fg}
CHANGED: dict[str, Any] = {"np": fg.numpy, "fg": fg}

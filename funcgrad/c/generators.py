"""Random bits in C: a call of a function of ``elementary/generators.c`` for each key."""

import math

import numpy as np

from ..core.avals import Aval, Shape, broadcast_shapes
from .functions import cast
from .statements import Statements
from .values import Value

WORDS = np.dtype(np.uint64)


def random_bits(w: Statements, keys: Value, *, shape: Shape, dtype: np.dtype, impl: str) -> Value:
    """Random unsigned integers for each key."""
    out = w.array(Aval((*keys.aval.shape[:-1], *shape), dtype))
    _for_each_key(w, f"{impl}_bits_{dtype.name}", keys, math.prod(shape), out)
    return out


def random_split(w: Statements, keys: Value, *, shape: Shape, impl: str) -> Value:
    """The children of each key."""
    out = w.array(Aval((*keys.aval.shape[:-1], *shape, 2), keys.aval.dtype))
    _for_each_key(w, f"{impl}_split", keys, math.prod(shape), out)
    return out


def random_fold_in(w: Statements, keys: Value, data: Value, *, impl: str) -> Value:
    """Keys folded with integers, which broadcast."""
    lead = broadcast_shapes(keys.aval.shape[:-1], data.aval.shape)
    out = w.array(Aval((*lead, 2), keys.aval.dtype))
    _for_each_key(w, f"{impl}_fold_in", keys.broadcast((*lead, 2)), data, out)
    return out


def _for_each_key(
    w: Statements, function: str, keys: Value, argument: int | Value, out: Value
) -> None:
    """Call a function of a key, an argument and the part of the result for this key."""
    if not out.aval.size:
        return
    lead = keys.aval.shape[:-1]
    indices, keys = w.indices(len(lead)), w.stored(keys)
    keys = keys if keys.strides[-1] == 1 else w.in_order(keys)
    if isinstance(argument, Value) and argument.aval.size > 1:
        argument = w.stored(argument).broadcast(lead)
    with w.loops(lead, indices), w.using(indices):
        text = str(argument)
        if isinstance(argument, Value):
            text = argument.items[0] if argument.aval.size == 1 else argument.at(*indices)
            text = cast(text, argument, WORDS)
        w.line(f"{function}({w.start(keys, indices)}, {text}, {w.start(out, indices)});")

"""Arithmetic of trees for optimizers: dtypes of states, running means, norms."""

import functools
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, dtype_of, is_arraylike, is_inexact, real_dtype, shape_of
from ..core.lazy import answering
from ..core.parameters import check_initialized
from ..core.trace import Tracer
from ..ops.elementwise import hypot, root
from ..ops.reduce import axes_of, norm_p
from ..ops.structure import cast, expand_dims

Tree: TypeAlias = Any  # of parameters, gradients, updates or state


# leaves


def is_floating(x: Any) -> bool:
    """Whether a leaf is a real or complex array or scalar, and so has an update."""
    if type(x) is np.ndarray and x.dtype.kind in "fc":
        return True
    return is_arraylike(x) and is_inexact(dtype_of(x))


def is_updated(x: Any, *states: Any) -> bool:
    """Whether a leaf is floating and no state holds None for it, as for integer parameters."""
    return is_floating(x) and all(state is not None for state in states)


def map_floating(f: Callable[..., Any], updates: Tree, *rest: Tree) -> Tree:
    """Map over the leaves that are updated; the first tree's other leaves stay as they are."""
    return tree.map(lambda x, *xs: f(x, *xs) if is_updated(x, *xs) else x, updates, *rest)


def map_state(f: Callable[..., Any], updates: Tree, *rest: Tree) -> Tree:
    """Map over the leaves that are updated; a state, with None for the other leaves."""
    return tree.map(lambda x, *xs: f(x, *xs) if is_updated(x, *xs) else None, updates, *rest)


def cast_like(state: Tree, before: Tree) -> Tree:
    """Cast a state to the dtypes it had before: those of the parameters, not the gradients."""
    return tree.map(lambda x, old: cast(x, dtype_of(old)), state, before)


def to_float32(updates: Tree) -> Tree:
    """Cast the float16 leaves of a tree to float32."""
    return tree.map(lambda x: cast(x, np.float32) if is_float16(x) else x, updates)


def to_float16(new: Tree, updates: Tree) -> Tree:
    """Cast new updates to float16 where the old ones are float16."""
    return map_floating(lambda u, y: cast(y, np.float16) if is_float16(u) else y, updates, new)


def is_float16(x: Any) -> bool:
    return getattr(x, "dtype", None) == np.float16


def like(value: Any, x: Any) -> Any:
    """A scalar, possibly traced, in the dtype of ``x``; a Python scalar stays weak.

    A real scalar stays real beside a complex ``x``.
    """
    if type(value) in PYTHON_SCALARS:
        return value
    beside_complex = dtype_of(x).kind == "c" and dtype_of(value).kind != "c"
    return cast(value, real_dtype(dtype_of(x)) if beside_complex else dtype_of(x))


def widest_real_dtype(*xs: Any) -> np.dtype:
    """The widest real dtype of the floating leaves among these; float32 if there is none."""
    dtypes = [real_dtype(dtype_of(x)) for x in xs if is_floating(x)]
    return np.result_type(*dtypes) if dtypes else np.dtype(np.float32)


# states


def full_like(params: Tree, value: Any = 0.0, dtype: Any = None) -> Tree:
    """A state of arrays like the parameters, filled with one value."""

    def full(p: Any) -> Any:
        if isinstance(value, Tracer):  # numpy.full refuses it
            return np.broadcast_to(cast(value, dtype or dtype_of(p)), shape_of(p))
        return np.full(shape_of(p), value, dtype or dtype_of(p))

    check_initialized(params)
    return map_state(full, params)


def real_like(params: Tree, value: Any = 0.0) -> Tree:
    """A state of real arrays like the parameters, such as a running mean of squares."""
    check_initialized(params)
    return map_state(lambda p: np.full_like(np.real(p), value), params)


def zero_count() -> np.ndarray:
    return np.zeros((), np.int32)


def next_count(count: Any) -> Any:
    """The count of updates plus one; it stays at the largest int32."""
    return np.minimum(count, np.iinfo(np.int32).max - 1) + 1


# running means


def moving_average(m: Any, x: Any, decay: Any) -> Any:
    """decay m + (1 - decay) x."""
    return like(decay, x) * m + like(1 - decay, x) * x


def update_moment(updates: Tree, moment: Tree, decay: Any) -> Tree:
    """The running mean of the updates after one more."""
    return map_state(lambda g, m: moving_average(m, g, decay), updates, moment)


def update_second_moment(updates: Tree, moment: Tree, decay: Any) -> Tree:
    """The running mean of the squares of the updates after one more."""
    mixed = lambda g, v: like(decay, v) * v + weighted_square(g, 1 - decay)
    return map_state(mixed, updates, moment)


def abs_sq(x: Any) -> Any:
    """|x|², real also for complex x."""
    return np.real(x * np.conj(x)) if dtype_of(x).kind == "c" else x * x


def weighted_square(x: Any, weight: Any) -> Any:
    """weight |x|², multiplied in the order that overflows last."""
    part = like(weight, x) * x
    return np.real(part * np.conj(x)) if dtype_of(x).kind == "c" else part * x


def bias_factor(decay: Any, count: Any) -> Any:
    """1 - decay**count: a running mean that started at 0 is too small by this factor."""
    return 1 - decay ** cast(count, np.float64)


def debias(decay: Any, count: Any, nesterov: bool = False) -> Callable[..., Any]:
    """The function ``(g, m) -> mean`` that corrects a mean m of gradients for its start at 0.

    With ``nesterov`` the mean is one step ahead. Source: Dozat 2016, Algorithm 8.
    """
    factor = bias_factor(decay, count)
    if not nesterov:
        return lambda g, m: m / like(factor, m)
    later = bias_factor(decay, next_count(count))
    return lambda g, m: moving_average(m / like(later, m), g / like(factor, g), decay)


def corrected_root(v: Any, factor: Any, eps_root: Any) -> Any:
    """sqrt(v / factor + eps_root), where v / factor alone may overflow."""
    if type(eps_root) in PYTHON_SCALARS and eps_root == 0:
        return root(v) / like(np.sqrt(factor), v)
    return root(v / like(factor, v) + like(eps_root, v))


def divisor(v: Any, eps: Any, eps_in_sqrt: bool) -> Any:
    """sqrt(v + eps), or sqrt(v) + eps."""
    return np.sqrt(v + like(eps, v)) if eps_in_sqrt else root(v) + like(eps, v)


# norms in float64: the squares of float32 may leave its range


@answering
def global_norm(updates: Tree) -> Any:
    """Euclidean norm of all leaves together; its derivative at 0 is 0.

    Its dtype is that of the leaves, but float32 for float16.

    >>> float(global_norm({"a": np.array([3.0]), "b": np.array([[4.0]])}))
    5.0
    """
    return cast(
        tree_norm(updates), np.result_type(widest_real_dtype(*tree.leaves(updates)), np.float32)
    )


def tree_norm(updates: Tree) -> Any:
    """Euclidean norm of all leaves together, in float64."""
    norms = [norm(x) for x in tree.leaves(updates) if is_floating(x)]
    return functools.reduce(hypot, norms) if norms else np.float64(0)


def norm(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Euclidean norm along axes, in float64; its derivative at 0 is 0."""
    size = np.abs(x) if dtype_of(x).kind == "c" else x
    axes = axes_of(axis, len(shape_of(x)))
    y = norm_p(np.asarray(size) if not shape_of(x) else size, axes=axes, dtype=np.dtype(float))
    return expand_dims(y, axes) if keepdims else y


def root_mean_square(x: Any) -> Any:
    """Root of the mean square of an array, in float64."""
    return norm(x) / math.sqrt(max(math.prod(shape_of(x)), 1))


def rescale(x: Any, size: Any, own: Any) -> Any:
    """x size / own; the ratio of the two float64 scalars may leave the range of x."""
    if dtype_of(x) in (np.float64, np.complex128):
        return x / like(own, x) * like(size, x)
    half = like(root(size / own), x)
    return x * half * half


def inner_product(a: Tree, b: Tree) -> Any:
    """Sum of Re(conj(a) b) over two trees of arrays."""
    pairs = zip(tree.leaves(a), tree.leaves(b), strict=True)
    parts = [np.sum(np.real(np.conj(x) * y)) for x, y in pairs if is_floating(y)]
    return sum(parts[1:], parts[0]) if parts else np.float32(0)

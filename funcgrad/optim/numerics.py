"""Arithmetic of trees: leaves that are stepped, dtypes, running means, norms."""

import functools
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, dtype_of, is_arraylike, is_inexact, shape_of
from ..core.parameters import check_initialized
from ..core.trace import Tracer
from ..ops.elementwise import hypot, root
from ..ops.reduce import axes_of, norm_p
from ..ops.structure import cast, expand_dims

Tree: TypeAlias = Any  # of parameters, gradients, updates or state


def to_float32(updates: Tree) -> Tree:
    """Return a tree with float16 as float32."""
    return tree.map(lambda x: cast(x, np.float32) if is_float16(x) else x, updates)


def to_float16(new: Tree, updates: Tree) -> Tree:
    """Return updates in float16 where they were so before."""
    return map_floating(lambda u, y: cast(y, np.float16) if is_float16(u) else y, updates, new)


def is_float16(x: Any) -> bool:
    return getattr(x, "dtype", None) == np.float16


def is_floating(x: Any) -> bool:
    """Return whether a leaf is a real or complex array or number, and so has an update."""
    if type(x) is np.ndarray and x.dtype.kind in "fc":
        return True
    return is_arraylike(x) and is_inexact(dtype_of(x))


def is_stepped(x: Any, *others: Any) -> bool:
    """Return whether a leaf is floating and no state holds None, as for integer parameters."""
    return is_floating(x) and all(other is not None for other in others)


def map_floating(f: Callable[..., Any], updates: Tree, *rest: Tree) -> Tree:
    """Map over the leaves that are stepped; the first tree's others stay as they are."""
    return tree.map(lambda x, *xs: f(x, *xs) if is_stepped(x, *xs) else x, updates, *rest)


def map_state(f: Callable[..., Any], updates: Tree, *rest: Tree) -> Tree:
    """Map over the leaves that are stepped into a state; None stands for the others."""
    return tree.map(lambda x, *xs: f(x, *xs) if is_stepped(x, *xs) else None, updates, *rest)


def cast_like(state: Tree, before: Tree) -> Tree:
    """Return a state in the dtypes it had before: those of the parameters, not the gradients."""
    return tree.map(lambda x, old: cast(x, dtype_of(old)), state, before)


def like(value: Any, x: Any) -> Any:
    """Return a scalar that does not widen ``x``: Python numbers stay weak, others take its dtype.

    It may be traced. A real scalar stays real beside a complex ``x``.
    """
    if type(value) in PYTHON_SCALARS:
        return value
    beside_complex = dtype_of(x).kind == "c" and dtype_of(value).kind != "c"
    return cast(value, real_dtype(x) if beside_complex else dtype_of(x))


def real_dtype(*xs: Any) -> np.dtype:
    """Return the widest real dtype of the floating leaves among these, float32 without any."""
    dtypes = [np.empty(0, dtype_of(x)).real.dtype for x in xs if is_floating(x)]
    return np.result_type(*dtypes) if dtypes else np.dtype(np.float32)


def inner_product(a: Tree, b: Tree) -> Any:
    """Return the sum of Re(conj(a) b) over two trees of arrays."""
    pairs = zip(tree.leaves(a), tree.leaves(b), strict=True)
    parts = [np.sum(np.real(np.conj(x) * y)) for x, y in pairs if is_floating(y)]
    return sum(parts[1:], parts[0]) if parts else np.float32(0)


def full_like(params: Tree, value: Any = 0.0, dtype: Any = None) -> Tree:
    """Return a state of arrays like the parameters, filled with one value."""

    def full(p: Any) -> Any:
        if isinstance(value, Tracer):  # which numpy.full cannot see
            return np.broadcast_to(cast(value, dtype or dtype_of(p)), shape_of(p))
        return np.full(shape_of(p), value, dtype or dtype_of(p))

    check_initialized(params)
    return map_state(full, params)


def abs_sq(x: Any) -> Any:
    """Return |x|², real also for complex numbers."""
    return np.real(x * np.conj(x)) if dtype_of(x).kind == "c" else x * x


def zero_count() -> np.ndarray:
    return np.zeros((), np.int32)


def next_count(count: Any) -> Any:
    """Return the count of updates after one more, which stays at the largest int32."""
    return np.minimum(count, np.iinfo(np.int32).max - 1) + 1


# running means


def real_like(params: Tree, value: Any = 0.0) -> Tree:
    """Return where running means of squares start: real arrays like the parameters."""
    check_initialized(params)
    return map_state(lambda p: np.full_like(np.real(p), value), params)


def update_moment(updates: Tree, before: Tree, decay: Any) -> Tree:
    """Return the running means after one more update."""
    return map_state(lambda g, m: moving_average(m, g, decay), updates, before)


def update_second_moment(updates: Tree, before: Tree, decay: Any) -> Tree:
    """Return the running means of squares after one more update."""
    mixed = lambda g, v: like(decay, v) * v + weighted_square(g, 1 - decay)
    return map_state(mixed, updates, before)


def weighted_square(x: Any, weight: Any) -> Any:
    """Return weight |x|², multiplied in the order that overflows last."""
    part = like(weight, x) * x
    return np.real(part * np.conj(x)) if dtype_of(x).kind == "c" else part * x


def corrected_root(v: Any, bias: Any, eps_root: Any) -> Any:
    """Return the root of v / bias + eps_root; v / bias may overflow where its root does not."""
    if type(eps_root) in PYTHON_SCALARS and eps_root == 0:
        return root(v) / like(np.sqrt(bias), v)
    return root(v / like(bias, v) + like(eps_root, v))


def moving_average(m: Any, x: Any, decay: Any) -> Any:
    """Return decay m + (1 - decay) x."""
    return like(decay, x) * m + like(1 - decay, x) * x


def bias_factor(decay: Any, count: Any) -> Any:
    """Return 1 - decay**count, by which a running mean that started at 0 is too small."""
    return 1 - decay ** cast(count, np.float64)


def divisor(v: Any, eps: Any, eps_in_sqrt: bool) -> Any:
    """Return the root of v, kept from 0 by eps under it or beside it."""
    return np.sqrt(v + like(eps, v)) if eps_in_sqrt else root(v) + like(eps, v)


def corrected_mean(g: Any, m: Any, decay: Any, count: Any, nesterov: bool) -> Any:
    """Return a mean freed from its start at 0, one step ahead if so asked (Dozat 2016)."""
    first = bias_factor(decay, count)
    if not nesterov:
        return m / like(first, m)
    return moving_average(
        m / like(bias_factor(decay, next_count(count)), m), g / like(first, g), decay
    )


# norms, whose squares may leave the range of the dtype


def global_norm(updates: Tree) -> Any:
    """Return the Euclidean norm of all leaves together; its derivative where it is 0 is 0.

    It is of the leaves' dtype, but float32 for float16.

    >>> float(global_norm({"a": np.array([3.0]), "b": np.array([[4.0]])}))
    5.0
    """
    return cast(tree_norm(updates), np.result_type(real_dtype(*tree.leaves(updates)), np.float32))


def tree_norm(updates: Tree) -> Any:
    """Return the Euclidean norm of all leaves together, in float64."""
    norms = [norm(x) for x in tree.leaves(updates) if is_floating(x)]
    return functools.reduce(hypot, norms) if norms else np.float64(0)


def norm(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the Euclidean norm along axes, in float64: that of float32 may leave its range.

    Its derivative where it is 0 is 0.
    """
    size = np.abs(x) if dtype_of(x).kind == "c" else x
    axes = axes_of(axis, len(shape_of(x)))
    y = norm_p(np.asarray(size) if not shape_of(x) else size, axes=axes, dtype=np.dtype(float))
    return expand_dims(y, axes) if keepdims else y


def root_mean_square(x: Any) -> Any:
    """Return the root of the mean square of an array, in float64."""
    return norm(x) / math.sqrt(max(math.prod(shape_of(x)), 1))


def rescale(x: Any, size: Any, own: Any) -> Any:
    """Return x size / own of an array; that ratio of float64 numbers may leave its range."""
    if dtype_of(x) in (np.float64, np.complex128):
        return x / like(own, x) * like(size, x)
    half = like(root(size / own), x)
    return x * half * half

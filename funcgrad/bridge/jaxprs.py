"""Programs of JAX, run by this library's functions: ``from_jax``.

``jax.make_jaxpr`` stages the function, and each equation becomes NumPy code, which all transforms
of this library see. ``indexing.py`` has gathers and scatters.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun

from .. import lax, numpy as fnp, special
from ..core import tree
from ..core.avals import PYTHON_SCALARS, aval_of, shape_of
from ..core.errors import UnsupportedError
from ..core.lists import split_list
from ..core.registry import primitives
from ..transforms.checkpoint import checkpoint
from ..transforms.custom.decorators import custom_jvp, custom_vjp
from . import jax_factorizations as factors
from .calls import Signature, Staged, by_signature
from .indexing import dynamic_slice, dynamic_update_slice, gather, scatter

Rule = Callable[..., Any]


def by_numpy(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function for NumPy arrays, see :func:`funcgrad.bridge.from_jax`."""
    return by_signature(fun, aval_of, lambda call: _staged(fun, call))


def _staged(fun: Callable[..., Any], call: Signature) -> Staged:
    """The program of JAX, and the structure of its output."""
    out_tree: list[tree.TreeDef] = []

    def flat(*arrays: Any) -> list[Any]:
        args, kwargs = call.arguments(arrays)
        outs, structure = tree.flatten(fun(*args, **kwargs))
        out_tree.append(structure)
        return outs

    given = [jax.ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak) for a in call.avals]
    wide = any(a.dtype.itemsize >= 8 for a in call.avals) or jax.config.read("jax_enable_x64")
    with jax.enable_x64(wide):
        closed = jax.make_jaxpr(flat)(*given)
    return lambda *xs: evaluated(closed.jaxpr, closed.consts, xs), out_tree[0]


def evaluated(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    """The outputs of a program of JAX.

    Raises:
        UnsupportedError: for a primitive without a rule.
    """
    env: dict[Any, Any] = dict(zip(jaxpr.constvars, map(_own, consts), strict=True))
    numbers = lambda x, v: np.asarray(x, v.aval.dtype) if type(x) in PYTHON_SCALARS else x
    env.update((v, numbers(x, v)) for v, x in zip(jaxpr.invars, args, strict=True))
    read = lambda a: _literal(a) if isinstance(a, Literal) else env[a]
    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        rule = RULES.get(name)
        if rule is None:
            raise UnsupportedError(
                f"from_jax: JAX's primitive {name} has no counterpart here; write this part of "
                f"the function in NumPy"
            )
        outs = rule(eqn, *map(read, eqn.invars), **eqn.params)
        outs = outs if eqn.primitive.multiple_results else [outs]
        env.update((v, _typed(y, v.aval)) for v, y in zip(eqn.outvars, outs, strict=True))
    return list(map(read, jaxpr.outvars))


def _own(x: Any) -> Any:
    """A constant as a NumPy array; a key of JAX's random numbers as its words."""
    if jax.dtypes.issubdtype(x.dtype if hasattr(x, "dtype") else float, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(x))
    return np.asarray(x)


def _literal(atom: Any) -> Any:
    return np.asarray(atom.val, atom.aval.dtype)


def _typed(y: Any, aval: Any) -> Any:
    """A result in the dtype that JAX gives it."""
    is_key = jax.dtypes.issubdtype(aval.dtype, jax.dtypes.prng_key)
    return y if is_key or aval_of(y).dtype == aval.dtype else fnp.astype(y, aval.dtype)


def _plain(function: Callable[..., Any], *names: str) -> Rule:
    """A rule that passes on only the parameters named."""
    return lambda eqn, *xs, **params: function(*xs, **{n: params[n] for n in names})


def _inner(held: Any, args: Sequence[Any]) -> list[Any]:
    return evaluated(held.jaxpr, held.consts, args)


# Elementwise

_SAME = (
    "add sub mul div neg sin cos tan sinh cosh tanh exp exp2 log log1p expm1 sqrt rsqrt cbrt pow "
    "abs sign floor ceil max min eq ne lt le gt ge erf erfc erf_inv real imag conj square "
    "nextafter clamp stop_gradient"
)
_RENAMED: dict[str, Any] = {
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "rem": np.fmod,
    "is_finite": np.isfinite, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "not": np.invert, "shift_left": np.left_shift, "shift_right_arithmetic": np.right_shift,
    "population_count": np.bitwise_count, "logistic": special.expit, "lgamma": special.gammaln,
    "digamma": special.digamma, "igamma": special.gammainc, "igammac": special.gammaincc,
    "regularized_incomplete_beta": special.betainc, "bessel_i0e": special.i0e,
    "bessel_i1e": special.i1e, "add_any": lax.add,
}  # fmt: skip
RULES: dict[str, Rule] = {name: _plain(getattr(lax, name)) for name in _SAME.split()}
RULES |= {name: _plain(function) for name, function in _RENAMED.items()}
RULES |= dict.fromkeys(
    ("copy", "copy_p", "optimization_barrier", "sharding_constraint", "reduce_precision", "pvary"),
    lambda eqn, *xs, **params: list(xs) if eqn.primitive.multiple_results else xs[0],
)
RULES["device_put"] = lambda eqn, *xs, **params: list(xs)
RULES["integer_pow"] = lambda eqn, x, *, y: x**y
# the order of numbers in which nan is the largest
RULES["lt_to"] = lambda eqn, x, y: (x < y) | (np.isnan(y) & ~np.isnan(x))
RULES["le_to"] = lambda eqn, x, y: (x <= y) | np.isnan(y)
RULES["complex"] = lambda eqn, x, y: x + 1j * y
RULES["round"] = lambda eqn, x, *, rounding_method: (
    np.rint(x) if rounding_method.name == "TO_NEAREST_EVEN" else np.trunc(x + np.copysign(0.5, x))
)
RULES["platform_index"] = lambda eqn, *, platforms: np.int32(
    next(i for i, names in enumerate(platforms) if names is None or "cpu" in names)
)


def _select(eqn: Any, which: Any, *cases: Any) -> Any:
    if which.dtype == bool:
        return np.where(which, cases[1], cases[0])
    out = cases[-1]
    for i, case in reversed(list(enumerate(cases[:-1]))):
        out = np.where(which == i, case, out)
    return out


def _shift_right(eqn: Any, x: Any, n: Any) -> Any:
    """Zeros come in at the left, also for a negative number."""
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    return np.right_shift(x.astype(unsigned), n.astype(unsigned)).astype(x.dtype)


def _convert(eqn: Any, x: Any, *, new_dtype: Any, **params: Any) -> Any:
    real = x.dtype.kind == "c" and np.dtype(new_dtype).kind != "c"
    return fnp.astype(x.real if real else x, np.dtype(new_dtype))


RULES |= {
    "select_n": _select, "shift_right_logical": _shift_right, "convert_element_type": _convert,
}  # fmt: skip

# Structure


def _broadcast(eqn: Any, x: Any, *, shape: Any, broadcast_dimensions: Any, sharding: Any) -> Any:
    return lax.broadcast_in_dim(x, shape, broadcast_dimensions)


def _slice(eqn: Any, x: Any, *, start_indices: Any, limit_indices: Any, strides: Any) -> Any:
    steps = strides or [1] * len(start_indices)
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def _iota(eqn: Any, *, dtype: Any, shape: Any, dimension: int, sharding: Any) -> Any:
    along = [-1 if d == dimension else 1 for d in range(len(shape))]
    return np.broadcast_to(np.arange(shape[dimension], dtype=dtype).reshape(along), shape).copy()


def _split(eqn: Any, x: Any, *, sizes: Any, axis: int) -> Any:
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def _sort(eqn: Any, *xs: Any, dimension: int, is_stable: bool, num_keys: int) -> Any:
    if num_keys > 1:
        raise UnsupportedError("from_jax: sort has more than one key; sort by one after another")
    order = np.argsort(xs[0], axis=dimension, stable=True)
    return [np.take_along_axis(x, order, dimension) for x in xs]


RULES |= {
    "broadcast_in_dim": _broadcast, "slice": _slice, "iota": _iota, "split": _split, "sort": _sort,
    "reshape": lambda eqn, x, *, new_sizes, **params: np.reshape(x, new_sizes),
    "transpose": lambda eqn, x, *, permutation: np.transpose(x, permutation),
    "squeeze": lambda eqn, x, *, dimensions: np.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda eqn, x, *, dimensions: np.expand_dims(x, tuple(dimensions)),
    "concatenate": lambda eqn, *xs, dimension: np.concatenate(xs, dimension),
    "rev": lambda eqn, x, *, dimensions: np.flip(x, tuple(dimensions)),
    "pad": lambda eqn, x, v, *, padding_config: lax.pad(x, v, padding_config),
    "gather": gather, "dynamic_slice": dynamic_slice, "dynamic_update_slice": dynamic_update_slice,
    "scatter": functools.partial(scatter, "set"),
    **{f"scatter{mark}{how[:3]}": functools.partial(scatter, how)
       for mark in "-_" for how in ("add", "subtract", "multiply", "min", "max")},
}  # fmt: skip

# Reductions and contractions


def _reduction(function: Callable[..., Any]) -> Rule:
    return lambda eqn, x, *, axes, **params: function(x, axis=tuple(axes))


def _sum(eqn: Any, x: Any, *, axes: Any, **params: Any) -> Any:
    return np.sum(x, axis=tuple(axes), dtype=x.dtype)


def _position(function: Callable[..., Any]) -> Rule:
    return lambda eqn, x, *, axes, index_dtype: fnp.astype(function(x, axis=axes[0]), index_dtype)


def _cumulative(function: Callable[..., Any]) -> Rule:
    return lambda eqn, x, *, axis, reverse: function(x, axis, reverse)


RULES |= {f"reduce_{n}": _reduction(getattr(np, n)) for n in ("max", "min", "prod")}
RULES |= {
    "reduce_sum": _sum, "reduce_and": _reduction(np.all), "reduce_or": _reduction(np.any),
    "argmax": _position(np.argmax), "argmin": _position(np.argmin),
    **{n: _cumulative(getattr(lax, n))
       for n in ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")},
    "dot_general": lambda eqn, a, b, *, dimension_numbers, **params: lax.dot_general(
        a, b, dimension_numbers),
}  # fmt: skip


def _conv(eqn: Any, x: Any, w: Any, **params: Any) -> Any:
    names = (
        "window_strides padding lhs_dilation rhs_dilation dimension_numbers feature_group_count "
        "batch_group_count"
    )
    given = {name: params[name] for name in names.split()}
    given["dimension_numbers"] = lax.ConvDimensionNumbers(*given["dimension_numbers"])
    return lax.conv_general_dilated(x, w, **given)


def _cholesky(eqn: Any, a: Any, **params: Any) -> Any:
    return np.linalg.cholesky(a)


def _triangular_solve(
    eqn: Any, a: Any, b: Any, *, left_side: bool, lower: bool, transpose_a: bool,
    conjugate_a: bool, unit_diagonal: bool,
) -> Any:  # fmt: skip
    from_left = lambda a, b, lower: np.linalg.solve(_triangle(a, lower, unit_diagonal), b)
    a, lower = (np.conj(a) if conjugate_a else a), lower
    if transpose_a:
        a, lower = np.swapaxes(a, -1, -2), not lower
    if left_side:
        return from_left(a, b, lower)
    turned = from_left(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2), not lower)
    return np.swapaxes(turned, -1, -2)


def _triangle(a: Any, lower: bool, unit: bool) -> Any:
    part = np.tril(a) if lower else np.triu(a)
    eye = np.eye(shape_of(a)[-1], dtype=a.dtype)
    return np.where(eye == 1, 1, part).astype(a.dtype) if unit else part


def _linear_solve(eqn: Any, *xs: Any, const_lengths: Any, jaxprs: Any) -> Any:
    """The user's solvers: the derivative is that of the system."""
    *consts, b = split_list(xs, *const_lengths)
    parts = [lambda x, c=c, p=p: _inner(p, [*c, *x]) for c, p in zip(consts, jaxprs, strict=True)]
    apply, _, solve, back = parts
    again = None if jaxprs.transpose_solve is None else lambda _, ct: back(ct)
    return lax.custom_linear_solve(apply, b, lambda _, b: solve(b), again)


RULES |= {
    "conv_general_dilated": _conv, "cholesky": _cholesky, "triangular_solve": _triangular_solve,
    "custom_linear_solve": _linear_solve, "lu": factors.lu, "qr": factors.qr, "svd": factors.svd,
    "eigh": factors.eigh, "fft": factors.fft, "top_k": factors.top_k,
    "lu_pivots_to_permutation": factors.permutation,
    "reduce_window_sum": factors.windows(0, lax.add),
    "reduce_window_max": factors.windows(-np.inf, lax.max),
    "reduce_window_min": factors.windows(np.inf, lax.min),
}  # fmt: skip

# Programs


def _jit(eqn: Any, *xs: Any, jaxpr: Any, **params: Any) -> Any:
    return _inner(jaxpr, xs)


def _closed_call(eqn: Any, *xs: Any, call_jaxpr: Any, **params: Any) -> Any:
    return _inner(call_jaxpr, xs)


def _remat(eqn: Any, *xs: Any, jaxpr: Any, **params: Any) -> Any:
    return checkpoint(lambda *ys: evaluated(jaxpr, (), ys))(*xs)


def _scan(
    eqn: Any, *xs: Any, jaxpr: Any, length: int, reverse: bool, num_consts: int, num_carry: int,
    **params: Any,
) -> Any:  # fmt: skip
    n = num_consts + num_carry
    consts, carry, rows = xs[:num_consts], list(xs[num_consts:n]), list(xs[n:])

    def step(carry: Any, row: Any) -> Any:
        outs = _inner(jaxpr, [*consts, *carry, *row])
        return outs[:num_carry], outs[num_carry:]

    carry, ys = lax.scan(step, carry, rows, length, reverse)
    return [*carry, *ys]


def _while(
    eqn: Any, *xs: Any, cond_jaxpr: Any, body_jaxpr: Any, cond_nconsts: int, body_nconsts: int
) -> Any:
    n = cond_nconsts + body_nconsts
    of_cond, of_body = xs[:cond_nconsts], xs[cond_nconsts:n]
    going = lambda carry: _inner(cond_jaxpr, [*of_cond, *carry])[0]
    return lax.while_loop(going, lambda carry: _inner(body_jaxpr, [*of_body, *carry]), list(xs[n:]))


def _cond(eqn: Any, index: Any, *xs: Any, branches: Any, **params: Any) -> Any:
    select = [lambda *ys, branch=branch: _inner(branch, ys) for branch in branches]
    return lax.switch(index, select, *xs)


def _alone(eqn: Any) -> Callable[..., Any]:
    """An equation as a function of JAX, which keeps its custom rules."""
    variables = {v for v in eqn.invars if not isinstance(v, Literal)}
    free = [v for v in dict.fromkeys(eqn.invars) if v in variables]
    if len(free) < len(eqn.invars):  # a literal, or one operand twice
        return lambda *xs: eqn.primitive.bind(*xs, **eqn.params)
    return jaxpr_as_fun(ClosedJaxpr(Jaxpr((), free, eqn.outvars, [eqn]), ()))


def _shapes(xs: Sequence[Any]) -> list[Any]:
    return [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in map(aval_of, xs)]


def _custom_jvp(eqn: Any, *xs: Any, call_jaxpr: Any, **params: Any) -> Any:
    def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        push = lambda xs, ts: jax.jvp(_alone(eqn), xs, ts)
        program = jax.make_jaxpr(push)(tuple(_shapes(primals)), tuple(_shapes(tangents)))
        both = _inner(program, [*primals, *tangents])
        return tuple(both[: len(both) // 2]), tuple(both[len(both) // 2 :])

    function = custom_jvp(lambda *ys: tuple(_inner(call_jaxpr, ys)))
    function.defjvp(rule)
    return list(function(*xs))


def _custom_vjp(eqn: Any, *xs: Any, call_jaxpr: Any, **params: Any) -> Any:
    def back(primals: Sequence[Any], cts: Sequence[Any]) -> Any:
        pull = lambda xs, cts: jax.vjp(_alone(eqn), *xs)[1](list(cts))
        program = jax.make_jaxpr(pull)(tuple(_shapes(primals)), tuple(_shapes(cts)))
        return tuple(_inner(program, [*primals, *cts]))

    function = custom_vjp(lambda *ys: tuple(_inner(call_jaxpr, ys)))
    function.defvjp(lambda *ys: (tuple(_inner(call_jaxpr, ys)), ys), back)
    return list(function(*xs))


RULES |= {
    "jit": _jit, "pjit": _jit, "closed_call": _closed_call, "core_call": _closed_call,
    "remat": _remat, "remat2": _remat, "checkpoint": _remat, "scan": _scan, "while": _while,
    "cond": _cond, "custom_jvp_call": _custom_jvp, "custom_vjp_call": _custom_vjp,
    "custom_vjp_call_jaxpr": _custom_vjp,
}  # fmt: skip

# Random numbers: the words of a key stand for it


def _bits(eqn: Any, key: Any, *, bit_width: int, shape: Any) -> Any:
    return _drawn("random_bits", key, shape=tuple(shape), dtype=np.dtype(f"u{bit_width // 8}"))


def _drawn(name: str, *xs: Any, **params: Any) -> Any:
    return primitives[name](*xs, **params, impl="threefry2x32")


def _bitcast(eqn: Any, x: Any, *, new_dtype: Any) -> Any:
    if not isinstance(x, np.ndarray | np.generic):
        raise UnsupportedError("from_jax: bitcast_convert_type of a traced value; draw outside")
    return x.view(new_dtype)


RULES |= {
    "random_seed": lambda eqn, seeds, **params: _drawn("random_seed", seeds),
    "random_split": lambda eqn, key, *, shape: _drawn("random_split", key, shape=tuple(shape)),
    "random_fold_in": lambda eqn, key, data: _drawn("random_fold_in", key, data),
    "random_wrap": lambda eqn, words, **params: words,
    "random_unwrap": lambda eqn, key: key,
    "random_bits": _bits, "bitcast_convert_type": _bitcast,
}  # fmt: skip

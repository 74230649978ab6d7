"""JAX's transforms, for functions of JAX's arrays."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core import tree
from ...core.avals import aval_of
from ...core.registry import load
from ...core.trace import Tracer
from ...ops.structure import cast
from ...transforms.abstract import ShapeDtypeStruct
from .arrays import Methods, inward, lowered, outward, raised
from .config import canonicalize_dtype, default_dtype
from .creation import made
from .refusals import refuse
from .weak_types import marked, unmarked

_JIT_IGNORED = ("inline", "keep_unused", "device", "backend", "abstracted_axes", "compiler_options")


def _fg(name: str) -> Any:
    return getattr(load("funcgrad"), name)


def jit(fun: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Compile a function; see funcgrad.jit."""
    if fun is None:
        return functools.partial(jit, **options)
    options = {k: v for k, v in options.items() if k not in _JIT_IGNORED and v is not None}
    body = functools.wraps(fun)(lambda *args, **kwargs: marked(fun(*args, **kwargs)))
    compiled = _fg("jit")(inward(body), **options)
    run = outward(compiled)
    call = functools.wraps(run)(lambda *args, **kwargs: unmarked(made(run(*args, **kwargs))))
    for name in ("clear_cache", "cache_info", "source", "jaxpr"):
        setattr(call, name, getattr(compiled, name))
    call._cache_size = lambda: compiled.cache_info().currsize  # type: ignore[attr-defined]
    cure = "call the function, or read .source(*args)"
    call.lower = refuse("jit(f).lower", cure)  # type: ignore[attr-defined]
    call.trace = refuse("jit(f).trace", cure)  # type: ignore[attr-defined]
    call.eval_shape = lambda *args, **kwargs: eval_shape(fun, *args, **kwargs)  # type: ignore[attr-defined]
    return call


def _transform(name: str) -> Callable[..., Any]:
    """A transform whose first argument is a function and whose result is one."""

    def transform(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        kwargs.pop("reduce_axes", None)
        return outward(_fg(name)(inward(fun), *args, **kwargs))

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"See funcgrad.{name}."
    return transform


grad, value_and_grad, jacfwd, jacrev, hessian, make_jaxpr_ = map(
    _transform, ("grad", "value_and_grad", "jacfwd", "jacrev", "hessian", "make_jaxpr")
)
jacobian = jacrev


def vmap(
    fun: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0, axis_name: Any = None,
    axis_size: int | None = None, spmd_axis_name: Any = None, **_: Any,
) -> Callable[..., Any]:  # fmt: skip
    """Map a function over axes of its arguments; see funcgrad.vmap."""
    in_axes = tuple(in_axes) if isinstance(in_axes, list) else in_axes
    return outward(_fg("vmap")(inward(fun), in_axes, out_axes, axis_name, axis_size))


def make_jaxpr(fun: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """The program of a function; see funcgrad.make_jaxpr."""
    made = _fg("make_jaxpr")(inward(fun), **options)
    return lambda *args, **kwargs: made(*lowered(args), **lowered(kwargs))


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The shapes and dtypes of a result."""
    found = _fg("eval_shape")(inward(fun), *lowered(args), **lowered(kwargs))
    return tree.map(lambda x: ShapeDtypeStruct(x.shape, canonicalize_dtype(x.dtype)), found)


def checkpoint(fun: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compute intermediate values again in the backward pass; see funcgrad.checkpoint."""
    if fun is None:
        return functools.partial(checkpoint, **options)
    options.pop("concrete", None)
    return outward(_fg("checkpoint")(inward(fun), **options))


remat = checkpoint


def _strong(x: Any) -> Any:
    """A lowered leaf; Python's floats as arrays, so that tangents have their dtype."""
    if type(x) in (float, complex):
        return np.asarray(x, default_dtype("f" if type(x) is float else "c"))
    if isinstance(x, Tracer) and (aval := aval_of(x)).weak and aval.dtype.kind in "fc":
        return cast(x, default_dtype(aval.dtype.kind))
    return x


def point(x: Any) -> Any:
    """A lowered tree, of which derivatives have the default dtypes."""
    return tree.map(_strong, lowered(x))


def jvp(
    fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False
) -> tuple[Any, ...]:
    """The value and its tangent; see funcgrad.jvp."""
    points = point(tuple(primals))
    found = _fg("jvp")(inward(fun), points, _like(tuple(tangents), points), has_aux)
    return raised(found)  # type: ignore[no-any-return]


def _like(given: Any, like: Any) -> Any:
    """Tangents in the dtypes of their primals."""

    def one(t: Any, x: Any) -> Any:
        dtype = getattr(x, "dtype", None)
        return t if dtype is None or dtype.kind not in "fc" else _cast(t, dtype)

    return tree.map(one, lowered(given), like)


def _cast(t: Any, dtype: Any) -> Any:
    return t.astype(dtype) if hasattr(t, "astype") and t.dtype.kind != "V" else t


def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False, **_: Any) -> tuple[Any, ...]:
    """The value, and the map that pulls cotangents back; see funcgrad.vjp."""
    out, pullback, *aux = _fg("vjp")(inward(fun), *point(primals), has_aux=has_aux)

    @functools.wraps(pullback)
    def pull(ct: Any) -> Any:
        return raised(pullback(_like(ct, out)))

    return (raised(out), pull, *raised(aux))


def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value, and the linear map of tangents; see funcgrad.linearize."""
    points = point(primals)
    out, push, *aux = _fg("linearize")(
        inward(fun), *points, **({"has_aux": True} if has_aux else {})
    )
    return (raised(out), lambda *ts: raised(push(*_like(ts, points))), *raised(aux))


def linear_transpose(fun: Callable[..., Any], *primals: Any, **_: Any) -> Callable[..., Any]:
    """The transpose of a linear function; see funcgrad.linear_transpose."""
    return outward(_fg("linear_transpose")(inward(fun), *point(primals)))


def closure_convert(fun: Callable[..., Any], *example_args: Any) -> Any:
    """A function without closed-over traced values, and these; see funcgrad.closure_convert."""
    converted, consts = _fg("closure_convert")(inward(fun), *lowered(example_args))
    return outward(converted), raised(consts)


def custom_gradient(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function its gradient; see funcgrad.custom_gradient."""

    def both(*args: Any, **kwargs: Any) -> Any:
        out, rule = fun(*raised(args), **raised(kwargs))
        return lowered(out), inward(rule)

    return outward(_fg("custom_gradient")(functools.wraps(fun)(both)))


class CustomRule:
    """A function with rules of its own, ``custom_jvp`` or ``custom_vjp``."""

    kind: str

    def __init__(
        self,
        fun: Callable[..., Any],
        nondiff_argnums: Sequence[int] = (),
        nondiff_argnames: Any = (),
    ) -> None:
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.own = _fg(self.kind)(inward(fun), nondiff_argnums, nondiff_argnames)
        self.places = {n: n for n in np.atleast_1d(np.asarray(nondiff_argnums, int)).tolist()}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return raised(self.own(*map(_argument, args), **lowered(kwargs)))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


def _argument(x: Any) -> Any:
    """A lowered argument; a function takes lowered arguments too."""
    plain = callable(x) and not isinstance(x, (Methods, type)) and tree.all_leaves([x])
    return _Crossing(x) if plain else point(x)


class _Crossing:
    """A function passed to one with rules; it is called with JAX's arrays only."""

    def __init__(self, fun: Callable[..., Any]) -> None:
        self.fun = fun

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.fun(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Crossing) and self.fun == other.fun

    def __hash__(self) -> int:
        return hash(self.fun)


class custom_jvp(CustomRule):  # noqa: N801, a decorator
    """Give a function its forward rule; see funcgrad.custom_jvp."""

    kind = "custom_jvp"

    def defjvp(self, rule: Callable[..., Any], symbolic_zeros: bool = False) -> Callable[..., Any]:
        self.own.defjvp(inward(rule))
        return rule

    def defjvps(self, *rules: Any) -> None:
        self.own.defjvps(*[rule and inward(rule) for rule in rules])


class custom_vjp(CustomRule):  # noqa: N801, a decorator
    """Give a function its reverse rule; see funcgrad.custom_vjp."""

    kind = "custom_vjp"

    def defvjp(self, fwd: Any, bwd: Any, **_: Any) -> None:
        self.own.defvjp(inward(fwd), inward(bwd))


class custom_vmap(CustomRule):  # noqa: N801, a decorator
    """Give a function its rule for vmap; see funcgrad.custom_batch."""

    kind = "custom_batch"

    def __init__(self, fun: Callable[..., Any]) -> None:
        functools.update_wrapper(self, fun)
        self.own = _fg(self.kind)(inward(fun))

    def def_vmap(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        self.own.def_vmap(inward(rule))
        return rule

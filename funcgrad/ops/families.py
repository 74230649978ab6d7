"""The classes of elementwise primitives: a NumPy function, and one linear map per operand.

The map ``(t, y, *xs) -> t'`` takes a tangent of the operand to a tangent of the output. The same
map takes cotangents back, because a diagonal Jacobian is its own transpose.
"""

import functools
import inspect
import operator as operators
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import PYTHON_SCALARS, Aval, aval_of, broadcast_shapes, dtype_of, shape_of
from ..core.companions import Codegen, Masking, Series
from ..core.emitter import Emitter, V
from ..core.errors import DtypeError, ShapeError
from ..core.registry import overrides, primitives
from ..core.series import solved
from ..core.trace import Primitive
from .dependences import Broadcasting
from .operand import operand
from .paths import Gaps, Masked, any_mask, is_harmless, path_mask, sum_may_have_gaps
from .structure import (
    Batched,
    axis_to_front,
    broadcast_to,
    cast,
    expand_dims,
    project,
    reshape,
    strip_weak_type,
    sum_p,
    upcast,
)

_HALF = np.dtype(np.float16)


def unbroadcast(ct: Any, x: Any) -> Any:
    """A cotangent with the shape and dtype of its primal: transposes broadcasting and casts."""
    if type(x) is np.ndarray and ct.shape == x.shape and ct.dtype is x.dtype:
        return ct  # the usual case
    shape, have, dtype = shape_of(x), ct.shape, dtype_of(x)
    if have != shape:
        lead = len(have) - len(shape)
        axes = tuple(range(lead))
        if have[lead:] != shape:
            axes += tuple(lead + d for d, n in enumerate(shape) if n != have[lead + d])
        # NumPy directly for plain arrays: the cotangent of every bias comes here
        if type(ct) is np.ndarray and ct.dtype is not _HALF:
            ct = np.add.reduce(ct, axes)
        else:
            ct = sum_p(upcast(ct), axes=axes)
        if ct.shape != shape:
            ct = reshape(ct, shape)
    return ct if ct.dtype is dtype else project(ct, dtype)


def broadcast_like(t: Any, y: Any) -> Any:
    """A tangent broadcast and cast to the shape and dtype of its output."""
    return project(broadcast_to(t, shape_of(y)), dtype_of(y))


class Elementwise(Primitive, Masking, Codegen, Broadcasting, Series):
    """An elementwise function, with broadcasting.

    Args:
        function: the NumPy function; it may take ``out`` as ufuncs do.
        rules: one linear map per operand, None for an operand without derivative.
        linear: the sets of operands in which the function is jointly linear.
        lower: rewrites the operation in faster ones, for the compiler.
        lower_from: elements of the result from which ``lower`` pays.
        decompose: the function in simpler primitives; True if ``function`` is written in them.
            The result is cast.
        divides: whether the function divides by the operands in which it is not linear.
        simpler: the function in operations of shorter Taylor series.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        *rules: Callable[..., Any] | None,
        linear: Sequence[set[int]] = (),
        lower: Callable[..., Any] | None = None,
        decompose: Callable[..., Any] | bool = False,
        divides: bool = False,
        lower_from: int = 0,
        simpler: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(name)
        self.function = function
        self.rules: tuple[Any, ...] = rules
        self.linear = linear
        self.divides = divides
        self.is_product = bool(linear) and not divides
        self.lower, self.lower_from = lower, lower_from
        if simpler is not None:
            self.simpler = lambda *xs: (simpler(*xs),)
        self.recurrence = _quotient_term if divides else None
        if hasattr(function, "kernels"):
            decompose = functools.partial(unblocked, function)
        if decompose:
            whole = function if decompose is True else decompose
            self.decompose = functools.partial(_decomposed, self, whole)
        self.fills = isinstance(function, np.ufunc) or _takes_out(function)
        if isinstance(function, np.ufunc):
            plain = function.nin == 1 and not isinstance(self, Arithmetic)
            overrides[function] = self.__call__ if plain else self.as_ufunc

    def as_ufunc(self, *xs: Any) -> Any:
        """Apply to the arguments of a ufunc, nested lists too."""
        if list in map(type, xs) or tuple in map(type, xs):
            xs = tuple(map(operand, xs))
        return self(*xs)

    @override
    def run(self, *xs: Any) -> tuple[Any, ...]:
        return (self.function(*xs),)

    @override
    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        shape = avals[0].shape
        try:
            for a in avals:
                if a.shape != shape:
                    shape = broadcast_shapes(*(a.shape for a in avals))
                    break
        except ValueError:
            raise ShapeError(
                f"{self.name}: the shapes do not broadcast: got {_listed(avals)}; axes are "
                f"compared from the last, and must be equal in length or 1"
            ) from None
        kinds = tuple(PYTHON_TYPES[a.dtype.kind] if a.weak else a.dtype for a in avals)
        return (Aval(shape, *_result(self, kinds)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (y,) = outs
        total = None
        for rule, t in zip(self.rules, tangents, strict=True):
            if t is not None and rule is not None:
                term = rule(t, y, *primals)
                total = term if total is None else total + term
        return (None if total is None else broadcast_like(total, y),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        (ct,), (y,) = cts, outs
        rules = self.rules
        if len(ins) == 1:
            return (unbroadcast(rules[0](ct, y, *ins), ins[0]),)
        if len(ins) == 2:  # unrolled: this is the inner loop of reverse mode
            (a, b), (a_need, b_need), (a_rule, b_rule) = ins, needs, rules
            a_ct = b_ct = None
            if a_need is not None and a_rule is not None:
                a_ct = a_rule(ct, y, a, b)
                if type(a) is not np.ndarray or a_ct.shape != a.shape or a_ct.dtype is not a.dtype:
                    a_ct = unbroadcast(a_ct, a)
            if b_need is not None and b_rule is not None:
                b_ct = b_rule(ct, y, a, b)
                if type(b) is not np.ndarray or b_ct.shape != b.shape or b_ct.dtype is not b.dtype:
                    b_ct = unbroadcast(b_ct, b)
            return (a_ct, b_ct)
        results = []
        for rule, need, x in zip(rules, needs, ins, strict=True):
            wanted = need is not None and rule is not None
            results.append(unbroadcast(rule(ct, y, *ins), x) if wanted else None)
        return results

    @override
    def batch(self, args: Any, axes: Any, size: int, /) -> Batched:
        ranks = [len(shape_of(x)) - (d is not None) for x, d in zip(args, axes, strict=True)]
        places = {d for d in axes if d is not None}
        if len(places) == 1 and all(
            rank == max(ranks) if d is not None else rank == 0
            for rank, d in zip(ranks, axes, strict=True)
        ):
            return self.bind(*args), tuple(places)  # the batch axes are aligned already
        operands = [
            x
            if d is None
            else expand_dims(axis_to_front(x, d), tuple(range(1, 1 + max(ranks) - rank)))
            for x, d, rank in zip(args, axes, ranks, strict=True)
        ]
        return self.bind(*operands), (0,)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return any(operands <= group for group in self.linear)

    def on_paths(self, args: Any, live: Any) -> Masked:
        outs = self.bind(*args)
        shape = shape_of(outs[0])
        masked = frozenset(i for i, mask in enumerate(live) if mask is not None)
        groups = [g for g in self.linear if masked & g]
        if groups:  # a product is 0 where a factor lies on no path
            alive = [any_mask([path_mask(args[i], live[i]) for i in g], shape) for g in groups]
            return outs, (functools.reduce(primitives["logical_and"], alive),)
        # another function of elements on no path: the result is 0, or lies on a path
        return outs, (any_mask([*(live[i] for i in masked), path_mask(outs[0], None)], shape),)

    def gaps(self, gaps: Any, ins: Any) -> Gaps:
        masked = frozenset(i for i, gap in enumerate(gaps) if gap is not None)
        group = next((g for g in self.linear if masked <= g), None)
        if group is None:
            return (True,), any(gaps)
        if len(group) > 1:
            return (sum_may_have_gaps([gaps[i] for i in group]),), False
        (i,) = masked
        factors = [is_harmless(a, self.divides) for j, a in enumerate(ins) if j != i]
        return (gaps[i],), bool(gaps[i]) and not all(factors)

    @override
    def overwrites(self, operand: int) -> bool:
        return self.fills

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V]) -> None:
        w.elementwise(self, ins, outs[0])


class Arithmetic(Elementwise):
    """A Python operator: the result of Python scalars is a Python scalar, and stays weak."""

    @override
    def as_ufunc(self, *xs: Any) -> Any:
        if not shape_of(xs[0]) and all(aval_of(x).weak for x in xs):
            xs = tuple(map(strip_weak_type, xs))  # np.add(1.0, 2.0) is not weak, 1.0 + 2.0 is
        return super().as_ufunc(*xs)

    @override
    def run(self, *xs: Any) -> tuple[Any, ...]:
        if type(xs[0]) in PYTHON_SCALARS and type(xs[-1]) in PYTHON_SCALARS:  # at most two
            return (self.of_python(*xs),)
        return (self.function(*xs),)

    def of_python(self, *xs: Any) -> Any:
        """The result that Python gives; NumPy's where Python would raise."""
        operator = python_operator(self.function, [type(x) for x in xs])
        if operator is not None and not (self.function is np.power and xs[1] < 0):
            return operator(*xs)
        return self.function(*xs).item()


def python_operator(function: Any, kinds: Sequence[type]) -> Any:
    """Python's operator, where the ufunc gives another result: 1 + True, 2**100."""
    if function in _OF_ALL:
        return _OF_ALL[function]
    return _OF_INTEGERS.get(function) if all(k in (bool, int) for k in kinds) else None


class NonDifferentiable(Elementwise):
    """An elementwise function whose derivative is 0 or does not exist."""

    differentiable = False


class NonDifferentiableArithmetic(Arithmetic):
    """A Python operator without a derivative."""

    differentiable = False


def _quotient_term(k: int, xs: Sequence[Any], ys: Sequence[Any]) -> list[Any]:
    """b y = a."""
    a, b = xs
    divide = lambda x: primitives["quotient"](x, b[0])
    return [solved(primitives["mul"], divide, b, a, ys, k)]


def _decomposed(prim: Elementwise, simpler: Callable[..., Any], *xs: Any) -> tuple[Any, ...]:
    (out,) = prim.infer(*map(aval_of, xs))
    if type(prim.function) is np.ufunc and out.dtype.kind == "f":  # NumPy casts first
        xs = tuple([cast(x, out.dtype) if dtype_of(x).kind in "biu" else x for x in xs])
    y = simpler(*xs)
    return (y if out.weak else broadcast_like(strip_weak_type(y), out),)


def unblocked(function: Any, *xs: Any) -> Any:
    """Apply the kernel of a function made by ``by_blocks`` to whole arrays or tracers."""
    f64, f32 = function.kernels
    avals = list(map(aval_of, xs))
    kinds = [a.dtype.type(0).item() if a.weak else a.dtype for a in avals]
    dtype = np.result_type(np.result_type(*kinds), function.least)
    double = f32 is None or dtype.itemsize == 8
    kernel: Any = f64 if double else f32
    shape = broadcast_shapes(*map(shape_of, xs))
    inner = np.dtype(complex if dtype.kind == "c" else np.float64 if double else np.float32)
    with np.errstate(all="ignore"):  # of operands that are known
        return cast(kernel(*[broadcast_to(cast(x, inner), shape) for x in xs]), dtype)


def masked_update(
    y: Any, mask: Any, function: Callable[..., Any], *xs: Any, idle: float | None = None
) -> Any:
    """``where(mask, function(*xs), y)``.

    For arrays, all of the shape of ``y``, it works in place and computes only these elements.
    ``idle`` is the value of operands at other elements, of tracers: it is given where the steps of
    a loop depend on values.
    """
    if type(mask) is np.ndarray and not mask.any():
        return y
    if all(type(x) is np.ndarray for x in (y, mask, *xs)) and y.ndim:
        at: Any = np.flatnonzero(mask) if y.ndim == 1 else mask
        y[at] = function(*[x[at] for x in xs])
        return y
    return np.where(mask, function(*idled(mask, xs, idle)), y)


def idled(mask: Any, xs: Sequence[Any], idle: float | None) -> Sequence[Any]:
    """Operands with a number in place of the elements that a mask leaves out, if these are traced.

    Elements that are known stay, so that what depends on these alone is known; nan and inf do not.
    """
    if idle is None:
        return xs
    known = lambda x: type(x) is np.ndarray and type(mask) is not np.ndarray
    return [np.where(np.isfinite(x) if known(x) else mask, x, idle) for x in xs]


def _takes_out(function: Callable[..., Any]) -> bool:
    try:
        return "out" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a built-in function without a signature
        return False


_OF_ALL: dict[Any, Any] = {
    np.add: operators.add, np.subtract: operators.sub, np.multiply: operators.mul,
    np.negative: operators.neg, np.positive: operators.pos, np.absolute: abs,
    np.equal: operators.eq, np.not_equal: operators.ne, np.less: operators.lt,
    np.less_equal: operators.le, np.greater: operators.gt, np.greater_equal: operators.ge,
}  # fmt: skip
_OF_INTEGERS: dict[Any, Any] = {  # of floats the result may be complex, or a division by zero
    np.power: pow, np.floor_divide: operators.floordiv, np.remainder: operators.mod,
    np.left_shift: operators.lshift, np.right_shift: operators.rshift,
    np.bitwise_and: operators.and_, np.bitwise_or: operators.or_, np.bitwise_xor: operators.xor,
    np.invert: operators.invert,
}  # fmt: skip
PYTHON_TYPES = {"b": bool, "i": int, "u": int, "f": float, "c": complex}


def _listed(avals: Sequence[Aval]) -> str:
    return " and ".join(map(str, avals))


@functools.lru_cache(4096)
def _result(prim: Elementwise, kinds: tuple[Any, ...]) -> tuple[np.dtype, bool]:
    """The dtype of the output and whether it is weak, found by a call of NumPy."""
    # 1 is in the domain of every function, except of integers to negative powers
    samples = [k(1) if isinstance(k, type) else np.ones(1, k) for k in kinds]
    try:
        with np.errstate(all="ignore"):
            (y,) = prim.run(*samples)
    except TypeError:
        names = " and ".join(k.__name__ if isinstance(k, type) else str(k) for k in kinds)
        raise DtypeError(
            f"{prim.name}: not defined for these dtypes: got {names}; convert with astype"
        ) from None
    return dtype_of(y), type(y) in PYTHON_SCALARS

"""The elementwise primitives: one NumPy function, and one linear map an operand.

The map ``(t, y, *xs) -> t'`` takes a tangent of the operand to a tangent of the output, and
serves reverse mode as it stands, because a diagonal Jacobian is its own transpose. For complex
numbers that is JAX's convention: cotangents are transposed, not conjugated. Maps are written in
plain NumPy, which finds its way back here when they meet a tracer.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import PYTHON_SCALARS, Aval, dtype_of, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.registry import overrides
from ..core.trace import Primitive
from .operand import operand
from .structure import Batched, expand_dims, fit, front, match, strengthen


class Elementwise(Primitive):
    """A function of each element, broadcasting as NumPy does.

    ``rules`` has one linear map an operand, None for an operand without derivative;
    ``linear`` lists the sets of operands in which the function is jointly linear.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        *rules: Callable[..., Any] | None,
        linear: Sequence[set[int]] = (),
    ) -> None:
        super().__init__(name)
        self.function = function
        self.rules: tuple[Any, ...] = rules
        self.linear = linear
        if isinstance(function, np.ufunc):
            overrides[function] = self.as_ufunc if function.nin > 1 else self.__call__

    def as_ufunc(self, *xs: Any) -> Any:
        """Apply to what a ufunc takes: also to nested lists."""
        if list in map(type, xs) or tuple in map(type, xs):
            xs = tuple(map(operand, xs))
        return self(*xs)

    @override
    def run(self, *xs: Any) -> tuple[Any, ...]:
        return (self.function(*xs),)

    @override
    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        try:
            shape = np.broadcast_shapes(*(a.shape for a in avals))
        except ValueError:
            raise ShapeError(
                f"{self.name}: the shapes do not broadcast: got {_listed(avals)}; axes are "
                f"compared from the last, and must be equal in length or 1"
            ) from None
        kinds = tuple(_PYTHON_TYPES[a.dtype.kind] if a.weak else a.dtype for a in avals)
        return (Aval(shape, *_result(self, kinds)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (y,) = outs
        total = None
        for rule, t in zip(self.rules, tangents, strict=True):
            if t is not None and rule is not None:
                term = rule(t, y, *primals)
                total = term if total is None else total + term
        return (None if total is None else fit(total, y),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        (ct,), (y,) = cts, outs
        rules = self.rules
        if len(ins) == 1:
            return (match(rules[0](ct, y, *ins), ins[0]),)
        if len(ins) == 2:  # written out, because this is the library's inner loop
            (a, b), (a_need, b_need) = ins, needs
            a_ct = None if a_need is None else match(rules[0](ct, y, a, b), a)
            return (a_ct, None if b_need is None else match(rules[1](ct, y, a, b), b))
        results = []
        for rule, need, x in zip(rules, needs, ins, strict=True):
            wanted = need is not None and rule is not None
            results.append(match(rule(ct, y, *ins), x) if wanted else None)
        return results

    @override
    def batch(self, args: Any, axes: Any, size: int, /) -> Batched:
        ranks = [len(shape_of(x)) - (d is not None) for x, d in zip(args, axes, strict=True)]
        places = {d for d in axes if d is not None}
        if len(places) == 1 and all(
            rank == max(ranks) if d is not None else rank == 0
            for rank, d in zip(ranks, axes, strict=True)
        ):
            return self.bind(*args), tuple(places)  # the axes already lie as they should
        operands = [
            x if d is None else expand_dims(front(x, d), tuple(range(1, 1 + max(ranks) - rank)))
            for x, d, rank in zip(args, axes, ranks, strict=True)
        ]
        return self.bind(*operands), (0,)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return any(operands <= group for group in self.linear)


class Arithmetic(Elementwise):
    """What Python's operators do: of Python numbers alone the result is one, and stays weak."""

    @override
    def as_ufunc(self, *xs: Any) -> Any:
        y = super().as_ufunc(*xs)
        return y if shape_of(y) else strengthen(y)  # np.add(1.0, 2.0) is not weak, 1.0 + 2.0 is

    @override
    def run(self, *xs: Any) -> tuple[Any, ...]:
        y = self.function(*xs)
        if type(y) is not np.ndarray and all(type(x) in PYTHON_SCALARS for x in xs):
            y = y.item()
        return (y,)


class Free(Elementwise):
    """An elementwise function whose derivative is zero wherever it exists, or that has none."""

    differentiable = False


class FreeArithmetic(Arithmetic):
    """What Python's operators do, without a derivative."""

    differentiable = False


_PYTHON_TYPES = {"b": bool, "i": int, "u": int, "f": float, "c": complex}


def _listed(avals: Sequence[Aval]) -> str:
    return " and ".join(map(str, avals))


@functools.cache
def _result(prim: Elementwise, kinds: tuple[Any, ...]) -> tuple[np.dtype, bool]:
    """Return dtype and weakness of the output for these dtypes and Python types: by trying."""
    # 1 is in every function's domain but for integers to negative powers
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


LN2, LN10 = math.log(2.0), math.log(10.0)


def is_complex(x: Any) -> bool:
    return dtype_of(x).kind == "c"


# products that a zero wins: a branch of where() that was not taken sends zero back, and must
# not become nan on its way through a singular derivative


def _nonzero(d: Any) -> bool:
    """Return whether a divisor is a number other than 0, which needs no guard."""
    return type(d) in PYTHON_SCALARS and d != 0


def _all(x: Any) -> bool:
    """Return whether no element is zero, faster than np.all."""
    return np.count_nonzero(x) == np.size(x)


def _safe_div(t: Any, d: Any) -> Any:
    if _all(d) and (_all(t) or _all(np.isfinite(d))):
        return np.divide(t, d)
    t, d = np.broadcast_arrays(t, d)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(t == 0, 0 * t, np.divide(t, d))[()]


def _safe_mul(t: Any, c: Any) -> Any:
    if _all(t) or _all(np.isfinite(c)):
        return np.multiply(t, c)
    t, c = np.broadcast_arrays(t, c)
    with np.errstate(invalid="ignore"):
        return np.where(t == 0, 0 * t, np.multiply(t, c))[()]


class Power(Arithmetic):
    """``x**n``; the operator knows squares, which are 10 times faster than np.power."""

    @override
    def run(self, x: Any, n: Any) -> tuple[Any, ...]:
        plain = type(x) is np.ndarray and x.shape and type(n) in PYTHON_SCALARS
        return (x**n,) if plain else super().run(x, n)


def unit(x: Any) -> Any:
    """Return x/|x|, and 0 at 0."""
    return safe_div(x, abs(x)) if is_complex(x) else sign(x)


def _pow_base(t: Any, y: Any, x: Any, n: Any) -> Any:
    """Map t to t n x**(n-1), which is 0 for n = 0 also at x = 0."""
    if type(n) not in PYTHON_SCALARS:
        m = where(n == 0, 1, n)
        return safe_mul(t, n * pow(x, m - 1))
    if n == 2:
        return t * (2 * x)
    if n == 0:
        return t * 0
    if isinstance(n, complex) or n >= 1:
        return t if n == 1 else t * (n * pow(x, n - 1))
    return safe_div(t * n, pow(x, 1 - n))


def _pow_exponent(t: Any, y: Any, x: Any, n: Any) -> Any:
    """Map t to t y log(x), which is 0 at x = 0."""
    return t * (y * log(where(x == 0, 1, x)))


def _sinc_slope(x: Any) -> Any:
    """Return the derivative of sinc: a series near 0, where the quotient cancels."""
    small = abs(x) < 0.03
    z = square(math.pi * where(small, x, 0))
    series = math.pi**2 * x * (z * (1 / 30 - z * (1 / 840 - z / 45360)) - 1 / 3)
    far = where(small, 1, x)
    return where(small, series, (cos(math.pi * far) - sinc(far)) / far)


_BITS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def _gate(t: Any, open_: Any) -> Any:
    """Return t where the gate is open and 0 elsewhere, also for infinite t."""
    arrays = type(t) is type(open_) is np.ndarray and t.shape == open_.shape
    if not arrays or t.dtype not in _BITS or open_.dtype.kind != "b":
        return np.where(open_, t, 0)
    # np.where takes sixteen times as long where the mask is unpredictable
    bits = open_.astype(_BITS[t.dtype])
    np.negative(bits, out=bits)
    return np.bitwise_and(t.view(bits.dtype), bits, out=bits).view(t.dtype)


def _wins(t: Any, x: Any, y: Any, other: Any) -> Any:
    """Return t where x is the extremum y, t/2 where both operands are, and 0 elsewhere."""
    won, tie = _gate(t, np.equal(x, y)), np.equal(x, other)
    return np.where(tie, t * 0.5, won) if np.count_nonzero(tie) else won


def _reach(t: Any, y: Any, x: Any) -> Any:
    """Map t to t exp(x - y), for y = log(exp(x) + ...), also where both are infinite."""
    return t * exp(where(x == y, 0, x - y))


def _reach2(t: Any, y: Any, x: Any) -> Any:
    return t * exp2(where(x == y, 0, x - y))


# rules name these before their own rows
safe_div: Elementwise
safe_mul: Elementwise
where: Elementwise
ldexp: Elementwise
gate: Elementwise
wins: Elementwise

# fmt: off
# arithmetic
add         = Arithmetic("add", np.add, lambda t, y, a, b: t, lambda t, y, a, b: t, linear=[{0, 1}])
sub         = Arithmetic("sub", np.subtract,
                         lambda t, y, a, b: t,
                         lambda t, y, a, b: -t, linear=[{0, 1}])
mul         = Arithmetic("mul", np.multiply,
                         lambda t, y, a, b: t * b,
                         lambda t, y, a, b: a * t, linear=[{0}, {1}])
div         = Arithmetic("div", np.true_divide,
                         lambda t, y, a, b: t / b if _nonzero(b) else safe_div(t, b),
                         lambda t, y, a, b: -safe_div(safe_mul(t, y), b), linear=[{0}])
pow         = Power("pow", np.power, _pow_base, _pow_exponent)
mod         = Arithmetic("mod", np.remainder,
                         lambda t, y, a, b: t,
                         lambda t, y, a, b: -t * np.floor_divide(a, b))
neg         = Arithmetic("neg", np.negative, lambda t, y, x: -t, linear=[{0}])
pos         = Arithmetic("pos", np.positive, lambda t, y, x: t, linear=[{0}])
abs         = Arithmetic("abs", np.absolute, lambda t, y, x: t * np.conjugate(unit(x)))
float_power = Elementwise("float_power", np.float_power, _pow_base, _pow_exponent)
fmod        = Elementwise("fmod", np.fmod,
                          lambda t, y, a, b: t,
                          lambda t, y, a, b: -t * np.trunc(a / b))
fabs        = Elementwise("fabs", np.fabs, lambda t, y, x: t * np.sign(x))
square      = Elementwise("square", np.square, lambda t, y, x: t * (2 * x))
reciprocal  = Elementwise("reciprocal", np.reciprocal, lambda t, y, x: -safe_div(t, x * x))
sqrt        = Elementwise("sqrt", np.sqrt, lambda t, y, x: safe_div(t, 2 * y))
# the square root of norms and deviations, whose derivative is taken as 0 at 0
root        = Elementwise("root", lambda x: np.sqrt(x),
                          lambda t, y, x: t / where(y == 0, math.inf, 2 * y))
cbrt        = Elementwise("cbrt", np.cbrt, lambda t, y, x: safe_div(t, 3 * (y * y)))
safe_div    = Elementwise("safe_div", _safe_div,
                          lambda t, y, a, b: safe_div(t, b),
                          lambda t, y, a, b: -safe_div(safe_mul(t, y), b), linear=[{0}])
safe_mul    = Elementwise("safe_mul", _safe_mul,
                          lambda t, y, a, b: safe_mul(t, b),
                          lambda t, y, a, b: a * t, linear=[{0}, {1}])
# exponentials and logarithms
exp         = Elementwise("exp", np.exp, lambda t, y, x: safe_mul(t, y))
exp2        = Elementwise("exp2", np.exp2, lambda t, y, x: safe_mul(t, y * LN2))
expm1       = Elementwise("expm1", np.expm1, lambda t, y, x: safe_mul(t, y + 1))
log         = Elementwise("log", np.log, lambda t, y, x: safe_div(t, x))
log2        = Elementwise("log2", np.log2, lambda t, y, x: safe_div(t, x * LN2))
log10       = Elementwise("log10", np.log10, lambda t, y, x: safe_div(t, x * LN10))
log1p       = Elementwise("log1p", np.log1p, lambda t, y, x: safe_div(t, x + 1))
logaddexp   = Elementwise("logaddexp", np.logaddexp,
                          lambda t, y, a, b: _reach(t, y, a), lambda t, y, a, b: _reach(t, y, b))
logaddexp2  = Elementwise("logaddexp2", np.logaddexp2,
                          lambda t, y, a, b: _reach2(t, y, a), lambda t, y, a, b: _reach2(t, y, b))
# angles
sin         = Elementwise("sin", np.sin, lambda t, y, x: t * np.cos(x))
cos         = Elementwise("cos", np.cos, lambda t, y, x: -t * np.sin(x))
tan         = Elementwise("tan", np.tan, lambda t, y, x: t * (1 + y * y))
arcsin      = Elementwise("arcsin", np.arcsin, lambda t, y, x: safe_div(t, np.sqrt(1 - x * x)))
arccos      = Elementwise("arccos", np.arccos, lambda t, y, x: -safe_div(t, np.sqrt(1 - x * x)))
arctan      = Elementwise("arctan", np.arctan, lambda t, y, x: safe_div(t, 1 + x * x))
sinh        = Elementwise("sinh", np.sinh, lambda t, y, x: t * np.cosh(x))
cosh        = Elementwise("cosh", np.cosh, lambda t, y, x: t * np.sinh(x))
tanh        = Elementwise("tanh", np.tanh, lambda t, y, x: t * (1 - y * y))
arcsinh     = Elementwise("arcsinh", np.arcsinh, lambda t, y, x: safe_div(t, np.sqrt(x * x + 1)))
arccosh     = Elementwise("arccosh", np.arccosh,
                          lambda t, y, x: safe_div(t, np.sqrt(x - 1) * np.sqrt(x + 1)))
arctanh     = Elementwise("arctanh", np.arctanh, lambda t, y, x: safe_div(t, 1 - x * x))
sinc        = Elementwise("sinc", np.sinc, lambda t, y, x: t * _sinc_slope(x))
deg2rad     = Elementwise("deg2rad", np.deg2rad, lambda t, y, x: t * (math.pi / 180), linear=[{0}])
radians     = Elementwise("radians", np.radians, lambda t, y, x: t * (math.pi / 180), linear=[{0}])
rad2deg     = Elementwise("rad2deg", np.rad2deg, lambda t, y, x: t * (180 / math.pi), linear=[{0}])
degrees     = Elementwise("degrees", np.degrees, lambda t, y, x: t * (180 / math.pi), linear=[{0}])
arctan2     = Elementwise("arctan2", np.arctan2,
                          lambda t, y, a, b: safe_div(t * b, a * a + b * b),
                          lambda t, y, a, b: -safe_div(t * a, a * a + b * b))
hypot       = Elementwise("hypot", np.hypot,
                          lambda t, y, a, b: safe_div(t * a, y),
                          lambda t, y, a, b: safe_div(t * b, y))
# complex numbers; a map whose result is cast to a real dtype keeps its real part
conj        = Elementwise("conj", np.conjugate, lambda t, y, x: np.conjugate(t), linear=[{0}])
real        = Elementwise("real", np.real, lambda t, y, x: t, linear=[{0}])
imag        = Elementwise("imag", np.imag, lambda t, y, x: t * -1j, linear=[{0}])
# choice
sign        = Free("sign", np.sign)
gate        = Elementwise("gate", _gate, lambda t, y, a, c: gate(t, c), None, linear=[{0}])
wins        = Elementwise("wins", _wins,
                          lambda t, y, a, *xs: wins(t, *xs), None, None, None, linear=[{0}])
maximum     = Elementwise("maximum", np.maximum,
                          lambda t, y, a, b: wins(t, a, y, b),
                          lambda t, y, a, b: wins(t, b, y, a))
minimum     = Elementwise("minimum", np.minimum,
                          lambda t, y, a, b: wins(t, a, y, b),
                          lambda t, y, a, b: wins(t, b, y, a))
fmax        = Elementwise("fmax", np.fmax,
                          lambda t, y, a, b: wins(t, a, y, b),
                          lambda t, y, a, b: wins(t, b, y, a))
fmin        = Elementwise("fmin", np.fmin,
                          lambda t, y, a, b: wins(t, a, y, b),
                          lambda t, y, a, b: wins(t, b, y, a))
where       = Elementwise("where", np.where, None,
                          lambda t, y, c, a, b: gate(t, c),
                          lambda t, y, c, a, b: gate(t, np.logical_not(c)), linear=[{1, 2}])
clip        = Elementwise("clip", np.clip,
                          lambda t, y, x, lo, hi: gate(t, (x >= lo) & (x <= hi)),
                          lambda t, y, x, lo, hi: gate(t, (x < lo) & (lo <= hi)),
                          lambda t, y, x, lo, hi: gate(t, maximum(x, lo) > hi))
copysign    = Elementwise("copysign", np.copysign,
                          lambda t, y, a, b: t * (np.copysign(1.0, a) * np.copysign(1.0, b)),
                          lambda t, y, a, b: t * 0)
heaviside   = Elementwise("heaviside", np.heaviside,
                          lambda t, y, a, b: t * 0,
                          lambda t, y, a, b: where(a == 0, t, 0))
ldexp       = Elementwise("ldexp", np.ldexp, lambda t, y, a, n: ldexp(t, n), None, linear=[{0}])
nextafter   = Elementwise("nextafter", np.nextafter, lambda t, y, a, b: t, lambda t, y, a, b: t * 0)
# fmt: on

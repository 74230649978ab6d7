"""The elementwise primitives: a NumPy function, and one linear map per operand.

The map ``(t, y, *xs) -> t'`` takes a tangent of the operand to a tangent of the output. The same
map takes cotangents back, because a diagonal Jacobian is its own transpose. For complex numbers
this is JAX's convention: cotangents are transposed, not conjugated. Maps are written in plain
NumPy, which dispatches to these primitives when an operand is a tracer.
"""

import math
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import PYTHON_SCALARS, dtype_of
from ..core.companions import Viewing
from ..core.registry import overrides
from . import choice
from .choice import (
    clip as clip,
    fmax as fmax,
    fmin as fmin,
    gate as gate,
    heaviside as heaviside,
    maximum as maximum,
    minimum as minimum,
    where as where,
    wins as wins,
)
from .derivatives import (
    derivative_of_sinc,
    power_log_of,
    power_slope_of,
    reciprocal_of,
    sinc_of,
    slope_of_power,
)
from .families import Arithmetic, Elementwise, NonDifferentiable
from .half_angle import FEWEST, lower_cos, lower_sin
from .logaddexp import gap_into, gap_of, logarithm_of_sum, lower_logaddexp, lower_share, share_of
from .structure import cast
from .unit import unit_p

LN2, LN10 = math.log(2.0), math.log(10.0)


def is_complex(x: Any) -> bool:
    return dtype_of(x).kind == "c"


def _quotient(t: Any, d: Any, out: Any = None) -> Any:
    """np.divide without a warning where the divisor is 0."""
    if out is None and isinstance(d, np.generic) and d:
        return t / d  # a tenth of the ufunc's time for two scalars
    # for few elements np.count_nonzero is faster than a comparison
    if np.count_nonzero(d) == np.size(d) if np.size(d) <= 4096 else np.not_equal(d, 0).all():
        return np.divide(t, d, out)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(t, d, out)


def weighted(a: Any, b: Any) -> Any:
    """The product of weights and values; 0 times inf or nan is 0."""
    lost = (a == 0) & np.logical_not(np.isfinite(b))
    return a * where(lost, 0, b)


def _lower_power(build: Any, x: Any, n: Any) -> Any:
    """x**n for a small integer n by squaring: np.power takes 100 times as long."""
    n, aval = getattr(n, "value", None), x.aval
    floating = aval.dtype.kind in "fc"
    if not isinstance(n, (int, float)) or isinstance(n, bool) or not aval.size or not aval.shape:
        return None
    if n == 0.5 and aval.dtype.kind == "f":
        return build("sqrt", x)
    if not float(n).is_integer() or not 0 < max(n, -n) <= 64:
        return None
    if not floating and (n < 0 or isinstance(n, float)):
        return None
    if aval.dtype.kind == "c" and n < -1:  # NumPy divides last: inf becomes nan
        return None
    base = x if n > 0 else build("reciprocal", x)  # first, so that the power does not overflow
    return _by_squaring(build, base, int(max(n, -n)))


def _by_squaring(build: Any, x: Any, n: int) -> Any:
    """x**(2k) = (x**k)**2, x**(2k+1) = x**(2k) x."""
    if n == 1:
        return x
    even = build("square", _by_squaring(build, x, n // 2))
    return build("mul", even, x) if n % 2 else even


def _lower_power_log(build: Any, y: Any, x: Any, n: Any) -> Any:
    safe = build("where", build("eq", x, build.number(0)), build.number(1), x)
    return build("mul", y, build("log", safe))


def _lower_power_slope(build: Any, j: Any, k: Any, x: Any, n: Any) -> Any:
    """n x**(n-1), for the first derivative in x alone."""
    if (getattr(j, "value", None), getattr(k, "value", None)) != (1, 0):
        return None
    zero, one = build.number(0), build.number(1)
    edge = build("logical_and", build("eq", n, zero), build("eq", x, zero))
    return build("mul", n, build("pow", x, build("sub", build("where", edge, one, n), one)))


class Power(Arithmetic):
    """``x**n``, by Python's operator: its squares are 10 times faster than np.power."""

    @override
    def run(self, x: Any, n: Any) -> tuple[Any, ...]:
        plain = type(x) is np.ndarray and x.shape and type(n) in PYTHON_SCALARS
        if plain and x.dtype.kind != "b":  # of booleans ** gives int8, np.power int64
            return (x**n,)
        scalars = isinstance(x, _SCALARS) and isinstance(n, _SCALARS)
        if scalars and (isinstance(x, np.inexact) or isinstance(n, np.inexact)):
            return (x**n,)  # which np.power may round otherwise
        return super().run(x, n)

    @override
    def simpler(self, x: Any, n: Any) -> Any:  # type: ignore[override]
        """The power by products, which holds at x = 0 too; None unless n is an integer."""
        if type(n) not in (int, float) or not n or not float(n).is_integer():
            return None
        y = _product(x, int(abs(n)))
        return (y if n > 0 else 1 / y,)


_SCALARS = (np.inexact, *PYTHON_SCALARS)


def _product(x: Any, n: int) -> Any:
    if n == 1:
        return x
    half = _product(x, n // 2)
    return half * half * x if n % 2 else half * half


def unit(x: Any) -> Any:
    """x/|x|, 0 at 0; its derivative at 0 is 0 too."""
    return unit_p(x) if is_complex(x) else sign(x)


def _pow_base(t: Any, y: Any, x: Any, n: Any) -> Any:
    """Map t to t n x**(n-1), which is 0 for n = 0 also at x = 0."""
    if type(n) not in PYTHON_SCALARS:
        return t * power_slope(1, 0, x, n)
    if n == 2:
        return t * (2 * x)
    if n == 0:
        return t * 0
    if isinstance(n, complex) or n >= 1:
        return t if n == 1 else t * (n * pow(x, n - 1))
    return quotient(t * n, pow(x, 1 - n))


def _pow_exponent(t: Any, y: Any, x: Any, n: Any) -> Any:
    """Map t to t y log(x), which is 0 at x = 0."""
    base = x if is_complex(x) or not is_complex(y) else x + 0j  # log of negative numbers
    return t * power_log(y, base, n)


def _float_power(x: Any, n: Any) -> Any:
    dtype = np.result_type(dtype_of(x), dtype_of(n), np.float64)
    return pow(cast(x, dtype), cast(n, dtype))


def _fraction(x: Any) -> Any:
    """The fractional part, with the sign of x also where it is 0."""
    return np.modf(x)[0]


def _without_whole_part(x: Any) -> Any:
    return np.copysign(np.where(np.isinf(x), 0, x - np.trunc(x)), x)


def _cos_of_arcsin(x: Any) -> Any:
    """sqrt(1 - x**2); for complex x on the same side of the branch cut as x."""
    if is_complex(x):
        return np.sqrt(-(x - 1)) * np.sqrt(x - -1)  # x + 1 would change an imaginary part of -0
    return np.sqrt((1 - x) * (1 + x))


def _hypot_1(x: Any) -> Any:
    """sqrt(x**2 + 1), without overflow for real x."""
    return np.sqrt(x * x - -1) if is_complex(x) else hypot(1, x)


def _over_square_plus_1(t: Any, x: Any) -> Any:
    """t / (x**2 + 1); in float16 by two divisions, because x**2 overflows at x = 256."""
    if dtype_of(x) != np.float16:
        return quotient(t, 1 + x * x)
    return quotient(quotient(t, _hypot_1(x)), _hypot_1(x))


def _share_slope(a: Any, b: Any, scale: float) -> Any:
    """The derivative of share, share(a, b) share(b, a) = 1 / (2 cosh((a - b) / 2))**2."""
    return (0.25 * scale) * sech_square((0.5 * scale) * gap(a, b))


def _sech_square(x: Any) -> Any:
    """1 / cosh(x)**2."""
    with np.errstate(over="ignore"):  # 1 / inf is right: 0
        return np.reciprocal(np.square(np.cosh(x)))


def _cosine(a: Any, b: Any, y: Any) -> Any:
    return np.true_divide(a, np.where(np.equal(y, 0), np.inf, y))


def _lower_cosine(build: Any, a: Any, b: Any, y: Any) -> Any:
    far = build("where", build("eq", y, build.number(0)), build.number(math.inf), y)
    return build("quotient", a, far)


def _square_over(z: Any, y: Any) -> Any:
    """z**2 / y without underflow of z**2."""
    return z * quotient(z, _or_inf(y))


def _arctan2_derivative(t: Any, a: Any, b: Any) -> Any:
    """t b / (a**2 + b**2) without overflow or underflow; 0 at a = b = 0."""
    far = _or_inf(hypot(a, b))
    return quotient(quotient(t * b, far), far)


def _or_inf(y: Any) -> Any:
    """y as a divisor: inf in place of 0."""
    return where(y == 0, math.inf, y)


# the rules above use these names
quotient: Elementwise
ldexp: Elementwise
hypot: Elementwise
share: Elementwise
share2: Elementwise
cos_of_arcsin: Elementwise
cosine: Elementwise
gap: Elementwise
sech_square: Elementwise
tailed_tanh: Elementwise
sinc_derivative: Elementwise
power_log: Elementwise
power_slope: Elementwise


class Part(Elementwise, Viewing):
    """The real or the imaginary part."""

    def transpose(self, ct: Any, x: Any) -> Any:
        return cast(self.rules[0](ct, None, x), dtype_of(x))

    def put(self, x: Any, part: Any) -> Any:
        return add(part, mul(imag(x), 1j)) if self is real else add(real(x), mul(part, 1j))


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
                         lambda t, y, a, b: quotient(t, b),
                         lambda t, y, a, b: -quotient(t * y, b), linear=[{0}],
                          divides=True)
pow         = Power("pow", np.power, _pow_base, _pow_exponent, lower=_lower_power)
mod         = Arithmetic("mod", np.remainder,
                         lambda t, y, a, b: t,
                         lambda t, y, a, b: -t * np.floor_divide(a, b))
neg         = Arithmetic("neg", np.negative, lambda t, y, x: -t, linear=[{0}])
pos         = Arithmetic("pos", np.positive, lambda t, y, x: t, linear=[{0}])
abs         = Arithmetic("abs", np.absolute, lambda t, y, x: t * np.conjugate(unit(x)))
# y log(x) for y = x**n: derivatives in x and n that do not depend on their order
power_log   = Elementwise("power_log", power_log_of, None,
                          lambda t, z, y, x, n: t * power_slope(1, 1, x, n),
                          lambda t, z, y, x, n: t * power_slope(0, 2, x, n),
                          lower=_lower_power_log, decompose=True)
power_slope = Elementwise("power_slope", power_slope_of, None, None,
                          lambda t, y, j, k, x, n: t * power_slope(j + 1, k, x, n),
                          lambda t, y, j, k, x, n: t * power_slope(j, k + 1, x, n),
                          lower=_lower_power_slope, decompose=slope_of_power)
float_power = Elementwise("float_power", np.float_power, _pow_base, _pow_exponent,
                          decompose=_float_power)
fmod        = Elementwise("fmod", np.fmod,
                          lambda t, y, a, b: t,
                          lambda t, y, a, b: -t * np.trunc(a / b))
fabs        = Elementwise("fabs", np.fabs, lambda t, y, x: t * np.sign(x), decompose=np.absolute)
square      = Elementwise("square", np.square, lambda t, y, x: t * (2 * x),
                          decompose=lambda x: x * x, simpler=lambda x: x * x)
reciprocal  = Elementwise("reciprocal", np.reciprocal, lambda t, y, x: -(t * (y * y)),
                          decompose=reciprocal_of, simpler=lambda x: 1 / x)
sqrt        = Elementwise("sqrt", np.sqrt, lambda t, y, x: quotient(t, 2 * y))
# the square root with derivative 0 at 0, of norms and standard deviations
root        = Elementwise("root", lambda x: np.sqrt(x),
                          lambda t, y, x: t / _or_inf(2 * y),
                          lower=lambda build, x: build("sqrt", x), decompose=True)
cbrt        = Elementwise("cbrt", np.cbrt, lambda t, y, x: quotient(t, 3 * (y * y)))
# a division in a derivative, whose divisor may be 0 where the function is defined
quotient    = Elementwise("quotient", _quotient,
                          lambda t, y, a, b: quotient(t, b),
                          lambda t, y, a, b: -quotient(t * y, b), linear=[{0}],
                          decompose=np.true_divide, divides=True)
# exponentials and logarithms
exp         = Elementwise("exp", np.exp, lambda t, y, x: t * y)
exp2        = Elementwise("exp2", np.exp2, lambda t, y, x: t * (y * LN2))
expm1       = Elementwise("expm1", np.expm1, lambda t, y, x: t * exp(x))
log         = Elementwise("log", np.log, lambda t, y, x: quotient(t, x))
log2        = Elementwise("log2", np.log2, lambda t, y, x: quotient(t, x * LN2))
log10       = Elementwise("log10", np.log10, lambda t, y, x: quotient(t / LN10, x))
log1p       = Elementwise("log1p", np.log1p, lambda t, y, x: quotient(t, x + 1))
logaddexp   = Elementwise("logaddexp", np.logaddexp,
                          lambda t, y, a, b: t * share(a, b),
                          lambda t, y, a, b: t * share(b, a),
                          decompose=logarithm_of_sum(np.exp, np.log1p), lower=lower_logaddexp)
logaddexp2  = Elementwise("logaddexp2", np.logaddexp2,
                          lambda t, y, a, b: t * share2(a, b),
                          lambda t, y, a, b: t * share2(b, a),
                          decompose=logarithm_of_sum(np.exp2, lambda x: np.log1p(x) * (1 / LN2)))
# the derivatives of these; 1 - share would cancel
share       = Elementwise("share", share_of(np.exp),
                          lambda t, y, a, b: t * _share_slope(a, b, 1.0),
                          lambda t, y, a, b: -t * _share_slope(a, b, 1.0), decompose=True,
                          lower=lower_share)
share2      = Elementwise("share2", share_of(np.exp2),
                          lambda t, y, a, b: t * _share_slope(a, b, LN2),
                          lambda t, y, a, b: -t * _share_slope(a, b, LN2), decompose=True)
gap         = Elementwise("gap", gap_into, lambda t, y, a, b: t, lambda t, y, a, b: -t,
                          decompose=gap_of)
# angles
sin         = Elementwise("sin", np.sin, lambda t, y, x: t * np.cos(x),
                          lower=lower_sin, lower_from=FEWEST)
cos         = Elementwise("cos", np.cos, lambda t, y, x: -t * np.sin(x),
                          lower=lower_cos, lower_from=FEWEST)
tan         = Elementwise("tan", np.tan, lambda t, y, x: t * (1 + y * y))
arcsin      = Elementwise("arcsin", np.arcsin, lambda t, y, x: quotient(t, cos_of_arcsin(x)))
arccos      = Elementwise("arccos", np.arccos, lambda t, y, x: -quotient(t, cos_of_arcsin(x)))
# its derivative has no cancellation
cos_of_arcsin = Elementwise("cos_of_arcsin", _cos_of_arcsin, lambda t, y, x: -quotient(t * x, y),
                            decompose=True)
arctan      = Elementwise("arctan", np.arctan, lambda t, y, x: _over_square_plus_1(t, x))
sinh        = Elementwise("sinh", np.sinh, lambda t, y, x: t * np.cosh(x))
cosh        = Elementwise("cosh", np.cosh, lambda t, y, x: t * np.sinh(x))
tanh        = Elementwise("tanh", np.tanh, lambda t, y, x: t * (1 - y * y))
# tanh whose derivative is accurate in the tails, at twice the time
tailed_tanh = Elementwise("tailed_tanh", lambda x: np.tanh(x), lambda t, y, x: t * sech_square(x),
                          decompose=True)
sech_square = Elementwise("sech_square", _sech_square,
                          lambda t, y, x: t * (-2 * (tailed_tanh(x) * y)), decompose=True)
arcsinh     = Elementwise("arcsinh", np.arcsinh, lambda t, y, x: quotient(t, _hypot_1(x)))
arccosh     = Elementwise("arccosh", np.arccosh,
                          lambda t, y, x: quotient(t, np.sqrt(x - 1) * np.sqrt(x - -1)))
arctanh     = Elementwise("arctanh", np.arctanh, lambda t, y, x: quotient(t, 1 - x * x))
sinc        = Elementwise("sinc", np.sinc, lambda t, y, x: t * sinc_derivative(1, x),
                          decompose=sinc_of)
sinc_derivative = Elementwise("sinc_derivative", derivative_of_sinc, None,
                              lambda t, y, n, x: t * sinc_derivative(n + 1, x), decompose=True)
deg2rad     = Elementwise("deg2rad", np.deg2rad, lambda t, y, x: t * (math.pi / 180), linear=[{0}],
                          decompose=lambda x: x * (math.pi / 180))
radians     = Elementwise("radians", np.radians, lambda t, y, x: t * (math.pi / 180), linear=[{0}],
                          decompose=lambda x: x * (math.pi / 180))
rad2deg     = Elementwise("rad2deg", np.rad2deg, lambda t, y, x: t * (180 / math.pi), linear=[{0}],
                          decompose=lambda x: x * (180 / math.pi))
degrees     = Elementwise("degrees", np.degrees, lambda t, y, x: t * (180 / math.pi), linear=[{0}],
                          decompose=lambda x: x * (180 / math.pi))
arctan2     = Elementwise("arctan2", np.arctan2,
                          lambda t, y, a, b: _arctan2_derivative(t, a, b),
                          lambda t, y, a, b: -_arctan2_derivative(t, b, a))
hypot       = Elementwise("hypot", np.hypot,
                          lambda t, y, a, b: t * cosine(a, b, y),
                          lambda t, y, a, b: t * cosine(b, a, y))
# a / y for y = hypot(a, b); its derivatives have no cancellation
cosine      = Elementwise("cosine", _cosine,
                          lambda t, z, a, b, y: t * _square_over(cosine(b, a, y), y),
                          lambda t, z, a, b, y: -(t * z) * quotient(cosine(b, a, y), _or_inf(y)),
                          None, lower=_lower_cosine, decompose=True)
# complex numbers; a cast of a map to a real dtype keeps the real part
conj        = Elementwise("conj", np.conjugate, lambda t, y, x: np.conjugate(t), linear=[{0}])
real        = Part("real", np.real, lambda t, y, x: t, linear=[{0}])
imag        = Part("imag", np.imag, lambda t, y, x: t * -1j, linear=[{0}])
# choice
sign        = NonDifferentiable("sign", np.sign)
copysign    = Elementwise("copysign", np.copysign,
                          lambda t, y, a, b: t * (np.copysign(1.0, a) * np.copysign(1.0, b)), None)
fraction    = Elementwise("fraction", _fraction, lambda t, y, x: t,
                          decompose=_without_whole_part)
ldexp       = Elementwise("ldexp", np.ldexp, lambda t, y, a, n: ldexp(t, n), None, linear=[{0}])
nextafter   = Elementwise("nextafter", np.nextafter, lambda t, y, a, b: t, None)
# fmt: on

for _row in [row for row in vars().values() if isinstance(row, Elementwise)]:
    _row.is_smooth = vars(choice).get(_row.name) is not _row  # those here multiply

del overrides[np.sign]  # numpy/ufuncs.py defines it, also for complex numbers

"""Elementary functions in C that compilers vectorise: exp, expm1, tanh, log, log1p, the logistic.

The functions of the C library are called for each element, and tanh takes 12 ns. These are straight
lines of arithmetic, of which a compiler makes vector instructions: 0.5 to 2 ns. They give the same
bits under every compiler, as operations are neither fused nor reordered. They differ from the exact
results by less than 1 unit in the last place for exp and log, and 2.5 for the others.

The exponential is 2**n exp(r) for the integer n nearest to x / ln(2). r = x - n ln(2) is found with
ln(2) in two parts, and exp(r) by Taylor's series. 2**n is made of bits: the sum of n and 3 * 2**51
has n in its lowest ones. Source of the logarithm: FreeBSD's msun, e_log.c, by Sun Microsystems.
"""

import re

_TEMPLATES = {
    "power_of_2": """\
/* 2**n for an integer n */
static inline T power_of_2_T(T n) {
    const T shifted = n + (MAGIC + BIAS);
    UINT bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits <<= MANTISSA;
    T power;
    memcpy(&power, &bits, sizeof power);
    return power;
}""",
    "nearest": """\
/* the integer nearest to x / ln(2) */
static inline T nearest_T(T x) { return (x * LOG2E + MAGIC) - MAGIC; }""",
    "rest": """\
/* x - n ln(2) */
static inline T rest_T(T x, T n) { return (x - n * LN2_HIGH) - n * LN2_LOW; }""",
    "series": """\
/* exp(r) - 1 for |r| <= ln(2) / 2 */
static inline T series_T(T r) {
    SERIES
    return r + r * r * p;
}""",
    "exp": """\
static inline T exp_T(T x) {
    const T low = x < LEAST ? LEAST : x, y = low > MOST ? MOST : low;
    const T n = nearest_T(y), half = (n * HALF + MAGIC) - MAGIC;
    const T e = 1 + series_T(rest_T(y, n));
    return e * power_of_2_T(half) * power_of_2_T(n - half);
}""",
    "expm1": """\
static inline T expm1_T(T x) {
    const T low = x < -SMALL ? -SMALL : x, y = low > MOST ? MOST : low;
    const T n = nearest_T(y), half = (n * HALF + MAGIC) - MAGIC;
    const T e = series_T(rest_T(y, n));
    const T a = power_of_2_T(half), b = power_of_2_T(n - half), s = a * b;
    const T z = n > LARGE ? (e + 1) * a * b : e * s + (s - 1);
    return x == 0 ? x : z;
}""",
    "tanh": """\
static inline T tanh_T(T x) {
    const T size = FABS(x), y = 2 * (size > FLAT ? FLAT : size);
    const T n = nearest_T(y), s = power_of_2_T(n);
    const T t = s * series_T(rest_T(y, n)) + (s - 1); /* exp(2 |x|) - 1 */
    return COPYSIGN(t / (t + 2), x);
}""",
    "sigmoid": """\
static inline T sigmoid_T(T x) { return 1 / (1 + exp_T(-x)); }""",
    "log": """\
static inline T log_T(T x) {
    const T scaled = x < TINIEST ? x * SCALE : x;
    UINT bits, shifted;
    memcpy(&bits, &scaled, sizeof bits);
    shifted = bits + (ONE - ROOT_HALF);
    T m, e; /* the mantissa, from sqrt(1/2) to sqrt(2), and the exponent beside a large number */
    bits = (shifted & ((UINT)-1 >> (WIDTH - MANTISSA))) + ROOT_HALF;
    memcpy(&m, &bits, sizeof m);
    bits = (shifted >> MANTISSA) | WHOLE_BITS;
    memcpy(&e, &bits, sizeof e);
    const T k = (e - WHOLE) - (x < TINIEST ? BIAS + SCALED : BIAS);
    const T f = m - 1, s = f / (2 + f), z = s * s, w = z * z, h = HALF * f * f;
    LOGARITHM
    const T y = s * (h + p) + k * LN2_LOW - h + f + k * LN2_HIGH;
    const T edge = x < 0 ? (T)NAN : x == 0 ? -(T)INFINITY : x;
    return x > 0 && x < (T)INFINITY ? y : edge;
}""",
    "log1p": """\
static inline T log1p_T(T x) {
    const T u = 1 + x, y = log_T(u) + (x - (u - 1)) / u; /* the rounding of u counts near 0 */
    return x == 0 ? x : u > 0 && u < (T)INFINITY ? y : log_T(u);
}""",
}
_CALLED = {
    "exp": ("power_of_2", "nearest", "rest", "series"),
    "expm1": ("power_of_2", "nearest", "rest", "series"),
    "tanh": ("power_of_2", "nearest", "rest", "series"),
    "sigmoid": ("exp",),
    "log1p": ("log",),
}
NAMES = ("exp", "expm1", "tanh", "sigmoid", "log", "log1p")


def _horner(powers: int, kind: str) -> str:
    """The lines of p = 1/2! + r/3! + ... up to r**(powers - 2) / powers!."""
    facts = [1]
    for k in range(1, powers + 1):
        facts.append(facts[-1] * k)
    suffix = "f" if kind == "float" else ""
    lines = [f"{kind} p = 1.0{suffix} / {facts[powers]}.0{suffix};"]
    lines += [f"p = p * r + 1.0{suffix} / {facts[k]}.0{suffix};" for k in range(powers - 1, 1, -1)]
    return "\n    ".join(lines)


_NUMBERS = {
    "double": {
        "SERIES": _horner(13, "double"),
        "MAGIC": "0x1.8p52", "BIAS": "1023", "MANTISSA": "52", "WIDTH": "64", "UINT": "uint64_t",
        "LOG2E": "1.4426950408889634", "LN2_HIGH": "6.93147180369123816490e-01",
        "LN2_LOW": "1.90821492927058770002e-10", "HALF": "0.5", "LEAST": "-746.0", "MOST": "710.0",
        "SMALL": "60.0", "LARGE": "1000", "FLAT": "22.0", "FABS": "fabs", "COPYSIGN": "copysign",
        "TINIEST": "0x1p-1022", "SCALE": "0x1p54", "SCALED": "54", "WHOLE": "0x1p52",
        "ONE": "UINT64_C(0x3ff0000000000000)", "ROOT_HALF": "UINT64_C(0x3fe6a09e00000000)",
        "WHOLE_BITS": "UINT64_C(0x4330000000000000)",
        "LOGARITHM": """\
const T odd = 3.999999999940941908e-01 + w * (2.222219843214978396e-01
                                                  + w * 1.531383769920937332e-01);
    const T even = 2.857142874366239149e-01 + w * (1.818357216161805012e-01
                                                   + w * 1.479819860511658591e-01);
    const T p = z * (6.666666666666735130e-01 + w * even) + w * odd;""",
    },
    "float": {
        "SERIES": _horner(7, "float"),
        "MAGIC": "0x1.8p23f", "BIAS": "127", "MANTISSA": "23", "WIDTH": "32", "UINT": "uint32_t",
        "LOG2E": "1.44269504f", "LN2_HIGH": "6.9314575195e-01f", "LN2_LOW": "1.4286067653e-06f",
        "HALF": "0.5f", "LEAST": "-105.0f", "MOST": "89.0f", "SMALL": "20.0f", "LARGE": "120",
        "FLAT": "10.0f", "FABS": "fabsf", "COPYSIGN": "copysignf", "TINIEST": "0x1p-126f",
        "SCALE": "0x1p25f", "SCALED": "25", "WHOLE": "0x1p23f", "ONE": "UINT32_C(0x3f800000)",
        "ROOT_HALF": "UINT32_C(0x3f3504f3)", "WHOLE_BITS": "UINT32_C(0x4b000000)",
        "LOGARITHM": """\
const T odd = 0.40000972152f + w * 0.24279078841f;
    const T p = z * (0.66666662693f + w * 0.28498786688f) + w * odd;""",
    },
}  # fmt: skip


def texts() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The definition of each function, by its name in C, and the names that it calls."""
    found = {}
    for kind, numbers in _NUMBERS.items():
        for name, template in _TEMPLATES.items():
            text = template
            for word in ("SERIES", "LOGARITHM", *numbers):
                text = _replaced(text, word, numbers[word])
            text = _replaced(text, "T", kind).replace("_T(", f"_{kind}(")
            found[f"{name}_{kind}"] = text, tuple(f"{c}_{kind}" for c in _CALLED.get(name, ()))
    return found


def _replaced(text: str, word: str, by: str) -> str:
    return re.sub(rf"\b{word}\b", lambda match: by, text)

"""Functions in C that the table of ``functions.py`` and the kernels call, by name and dtype.

The text of a name ``base_type`` is its row with ``{t}`` for the type, ``{f}`` for the suffix of the
C library.
"""

import re
from collections.abc import Iterable

from . import complexes, lapack, orders, tiles
from .elementary import elementary, uncommented

# fmt: off
_ROWS = {
    "sign": "{t} sign_{n}({t} x) {{ return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x; }}",
    "abs": "{t} abs_{n}({t} x) {{ return x < 0 ? ({t})(0 - (uint64_t)x) : x; }}",
    # of equal operands the second, as in NumPy on x86: one may be -0
    "maximum": "{t} maximum_{n}({t} a, {t} b) {{ return a > b || isnan(a) ? a : b; }}",
    "minimum": "{t} minimum_{n}({t} a, {t} b) {{ return a < b || isnan(a) ? a : b; }}",
    "fmax": "{t} fmax_{n}({t} a, {t} b) {{ return a >= b || isnan(b) ? a : b; }}",
    "fmin": "{t} fmin_{n}({t} a, {t} b) {{ return a <= b || isnan(b) ? a : b; }}",
    "left_shift": "{t} left_shift_{n}({t} a, {t} b) "
                  "{{ return b >= 0 && b < 8 * ({t})sizeof a ? ({t})((uint64_t)a << b) : 0; }}",
    "right_shift": "{t} right_shift_{n}({t} a, {t} b) "
                   "{{ return b >= 0 && b < 8 * ({t})sizeof a ? a >> b : a < 0 ? -1 : 0; }}",
}
_OF_FLOATS = {
    # negative numbers wrap, and what is out of range is as in NumPy: C leaves both open
    "as_uint64": """\
uint64_t as_uint64_{n}({t} x) {{
    const {t} half = 9223372036854775808.0{f};
    return x >= half ? (uint64_t)(int64_t)(x - half) ^ UINT64_C(1) << 63 : (uint64_t)(int64_t)x;
}}""",
    "is_before": "bool is_before_{n}({t} a, {t} b) {{ return a < b || (b != b && a == a); }}",
    "spacing": "{t} spacing_{n}({t} x) "
               "{{ return isinf(x) ? NAN : nextafter{f}(x, copysign{f}(INFINITY, x)) - x; }}",
    "binary_exponent": "int32_t binary_exponent_{n}({t} x) "
                "{{ int k = 0; return isfinite(x) ? (frexp{f}(x, &k), k) : 0; }}",
    "ldexp": "{t} ldexp_{n}({t} x, int64_t k) "
             "{{ return ldexp{f}(x, k > 9999 ? 9999 : k < -9999 ? -9999 : (int)k); }}",
    "mod": """\
{t} mod_{n}({t} a, {t} b) {{
    {t} rest = fmod{f}(a, b);
    if (b == 0)
        return rest;
    if (rest == 0)
        return copysign{f}(0, b);
    return (b < 0) != (rest < 0) ? rest + b : rest;
}}""",
    "floor_divide": """\
{t} floor_divide_{n}({t} a, {t} b) {{
    {t} rest = fmod{f}(a, b);
    if (b == 0)
        return a / b;
    {t} ratio = (a - rest) / b;
    if (rest != 0 && (b < 0) != (rest < 0))
        ratio -= 1;
    if (ratio == 0)
        return copysign{f}(0, a / b);
    {t} whole = floor{f}(ratio);
    return ratio - whole > ({t})0.5 ? whole + 1 : whole;
}}""",
}
_OF_INTEGERS = {
    # unsigned numbers wrap; overflow of signed ones is undefined
    "add": "{t} add_{n}({t} a, {t} b) {{ return ({t})((uint64_t)a + (uint64_t)b); }}",
    "sub": "{t} sub_{n}({t} a, {t} b) {{ return ({t})((uint64_t)a - (uint64_t)b); }}",
    "mul": "{t} mul_{n}({t} a, {t} b) {{ return ({t})((uint64_t)a * (uint64_t)b); }}",
    "neg": "{t} neg_{n}({t} a) {{ return ({t})(0 - (uint64_t)a); }}",
    "magnitude": "uint64_t magnitude_{n}({t} x) "
                 "{{ return x < 0 ? 0 - (uint64_t)x : (uint64_t)x; }}",
    "is_before": "bool is_before_{n}({t} a, {t} b) {{ return a < b; }}",
    "bitwise_count": """\
uint8_t bitwise_count_{n}({t} x) {{
    uint8_t count = 0;
    for (uint64_t left = magnitude_{n}(x); left; left &= left - 1)
        count++;
    return count;
}}""",
    "gcd": """\
{t} gcd_{n}({t} x, {t} y) {{
    uint64_t a = magnitude_{n}(x), b = magnitude_{n}(y);
    while (a != 0) {{
        const uint64_t rest = b % a;
        b = a;
        a = rest;
    }}
    return ({t})b;
}}""",
    "lcm": """\
{t} lcm_{n}({t} x, {t} y) {{
    const uint64_t factor = magnitude_{n}(gcd_{n}(x, y));
    return factor == 0 ? 0 : ({t})(magnitude_{n}(x) / factor * magnitude_{n}(y));
}}""",
    "pow": """\
{t} pow_{n}({t} x, {t} k) {{
    uint64_t product = 1, power = (uint64_t)x;
    for (uint64_t left = (uint64_t)k; left; left >>= 1) {{
        product *= left & 1 ? power : 1;
        power *= power;
    }}
    return ({t})product;
}}""",
    # a division by 0 is 0, and of the least number by -1 that number
    "mod": """\
{t} mod_{n}({t} a, {t} b) {{
    if (b == 0 || b == ({t})-1)
        return b == 0 || ({t})-1 < 0 ? 0 : a % b;
    const {t} rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}}""",
    "floor_divide": """\
{t} floor_divide_{n}({t} a, {t} b) {{
    if (b == 0 || (b == ({t})-1 && ({t})-1 < 0))
        return b == 0 ? 0 : ({t})(0 - (uint64_t)a);
    const {t} ratio = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? ratio - 1 : ratio;
}}""",
    "fmod": """\
{t} fmod_{n}({t} a, {t} b) {{
    return b == 0 || (b == ({t})-1 && ({t})-1 < 0) ? 0 : a % b;
}}""",
}
_OF_UNSIGNED = {
    "abs": "{t} abs_{n}({t} x) {{ return x; }}",
    "sign": "{t} sign_{n}({t} x) {{ return x > 0; }}",
    "magnitude": "uint64_t magnitude_{n}({t} x) {{ return x; }}",
    "mod": "{t} mod_{n}({t} a, {t} b) {{ return b == 0 ? 0 : a % b; }}",
    "fmod": "{t} fmod_{n}({t} a, {t} b) {{ return b == 0 ? 0 : a % b; }}",
    "floor_divide": "{t} floor_divide_{n}({t} a, {t} b) {{ return b == 0 ? 0 : a / b; }}",
    "left_shift": "{t} left_shift_{n}({t} a, {t} b) "
                  "{{ return b < 8 * sizeof a ? ({t})((uint64_t)a << b) : 0; }}",
    "right_shift": "{t} right_shift_{n}({t} a, {t} b) "
                   "{{ return b < 8 * sizeof a ? a >> b : 0; }}",
}
_OF_MATRICES = {
    **tiles.FUNCTIONS_OF_TILES,
    "matvec": """\
/* y = a x for a [m,n], whose rows are contiguous: 4 at a time, each in 8 partial sums */
void matvec_{n}(
    int m, int n, const {t} *restrict a, int a_row, const {t} *restrict x, {t} *restrict y, int step
) {{
    const int whole = n - n % 8;
    for (ptrdiff_t i = 0; i < m; i += 4) {{
        const int last = m - 1 - i < 3 ? m - 1 - i : 3;
        const {t} *r0 = a + a_row*i, *r1 = r0 + a_row*(last < 1 ? last : 1);
        const {t} *r2 = r0 + a_row*(last < 2 ? last : 2), *r3 = r0 + a_row*last;
        {t} s0[8] = {{0}}, s1[8] = {{0}}, s2[8] = {{0}}, s3[8] = {{0}}, rest[4] = {{0}};
        for (ptrdiff_t k = 0; k < whole; k += 8) {{
            for (ptrdiff_t l = 0; l < 8; l++) {{
                s0[l] += r0[k + l] * x[k + l];
                s1[l] += r1[k + l] * x[k + l];
                s2[l] += r2[k + l] * x[k + l];
                s3[l] += r3[k + l] * x[k + l];
            }}
        }}
        for (ptrdiff_t k = whole; k < n; k++) {{
            rest[0] += r0[k] * x[k];
            rest[1] += r1[k] * x[k];
            rest[2] += r2[k] * x[k];
            rest[3] += r3[k] * x[k];
        }}
        const {t} sums[4] = {{
            ((s0[0] + s0[1]) + (s0[2] + s0[3])) + ((s0[4] + s0[5]) + (s0[6] + s0[7])),
            ((s1[0] + s1[1]) + (s1[2] + s1[3])) + ((s1[4] + s1[5]) + (s1[6] + s1[7])),
            ((s2[0] + s2[1]) + (s2[2] + s2[3])) + ((s2[4] + s2[5]) + (s2[6] + s2[7])),
            ((s3[0] + s3[1]) + (s3[2] + s3[3])) + ((s3[4] + s3[5]) + (s3[6] + s3[7]))
        }};
        for (ptrdiff_t r = 0; r <= last; r++)
            y[step*(i + r)] = sums[r] + rest[r];
    }}
}}""",
    "gemm": """\
/* A large product, by a BLAS that the compiler is told of. One stride of a is 1. */
#ifdef GEMM_{n}
void GEMM_{n}(
    int, int, int, GEMM_INT, GEMM_INT, GEMM_INT, {t}, const {t} *, GEMM_INT, const {t} *, GEMM_INT,
    {t}, {t} *, GEMM_INT
);
#endif

INLINED void gemm_{n}(
    int m, int n, int p, const {t} *restrict a, int a_row, int a_column, const {t} *restrict b,
    int b_row, {t} *restrict c, int c_row
) {{
#ifdef GEMM_{n}
    const int turned = a_column != 1; /* 101: by rows, 111: as it is, 112: transposed */
    GEMM_{n}(101, turned ? 112 : 111, 111, m, p, n, 1, a, turned ? a_column : a_row, b, b_row, 0,
             c, c_row);
#else
    matmul_{n}(m, n, p, a, a_row, a_column, b, b_row, c, c_row);
#endif
}}""",
}
# fmt: on
_OF_ALL = {**_ROWS, **_OF_MATRICES, **orders.SORTS}
_TABLES = {  # by the kind of the dtype
    "f": {**_OF_ALL, **_OF_FLOATS},
    "i": {**_OF_ALL, **_OF_INTEGERS},
    "u": {**_OF_ALL, **_OF_INTEGERS, **_OF_UNSIGNED},
    "c": {**complexes.FUNCTIONS, **lapack.TEMPLATES},
}
_NAMES = "|".join(
    dict.fromkeys([*(base for table in _TABLES.values() for base in table), *lapack.TEMPLATES])
)
_CALL = re.compile(rf"\b({_NAMES})_(complex_double|complex_float|double|float|bool|u?int\d+)\(")


def definitions(lines: Iterable[str]) -> list[str]:
    """The definitions of the functions that the lines call, each behind those that it calls."""
    lines = [uncommented(line) for line in lines]
    found: dict[str, str] = {}
    for call in sorted({call for line in lines for call in _calls(line)}):
        _define(found, *call)
    tiles.needed(found, lines)
    return [*elementary([*lines, *found.values()]), *found.values()]


def _calls(text: str) -> list[tuple[str, str]]:
    """The functions that a text calls, each by name and dtype, but for elementary ones."""
    return [call for call in _CALL.findall(text) if _is_ours(*call)]


def _is_ours(base: str, kind: str) -> bool:
    return base in lapack.TEMPLATES or base in _TABLES[_kind_of(base, kind)]


def _kind_of(base: str, name: str) -> str:
    """The kind of the dtype of a function, as NumPy's letter."""
    if base == "complex" or name.startswith("complex_"):
        return "c"
    return "f" if name in ("float", "double") else "u" if name.startswith("uint") else "i"


def _define(found: dict[str, str], base: str, kind: str) -> None:
    """Add the definition of a function, behind those that it calls."""
    text = _definition(base, kind)
    for other in _calls(text):
        if other != (base, kind):
            _define(found, *other)
    found.setdefault(f"{base}_{kind}", text)


def _definition(base: str, name: str) -> str:
    if base in lapack.TEMPLATES:
        return _inlined(lapack.text_of_algebra(base, name))
    kind = _kind_of(base, name)
    if kind == "c":
        return _inlined(complexes.text_of_complex(base, name))
    text = _TABLES[kind][base]
    if kind != "f":
        text = text.replace(" || isnan(a)", "").replace(" || isnan(b)", "")
    t = name if kind == "f" or name == "bool" else f"{name}_t"
    return _inlined(text.format(t=t, n=name, f="f" if name == "float" else ""))


def _inlined(text: str) -> str:
    """The definition of a function that is inlined, under its comment."""
    comment, end, head = text.partition("*/\n") if text.startswith("/*") else ("", "", text)
    own = head.startswith(("INLINED", "#"))
    return text if own else f"{comment}{end}static inline {head}"

"""Complex numbers in C: ``double complex`` of C99, by NumPy's formulas.

Sums and differences are operators. Products and quotients are functions of our own: those of C
find infinities again that NumPy makes nan of (C99, annex G). Elementary functions are those of the
C library, as in NumPy. ``{c}`` is the suffix of a name for the type, ``{n}`` that of a part.
"""

# fmt: off
_BY_LIBRARY = (
    "exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan",
    "arcsinh", "arccosh", "arctanh",
)
# of the primitives: an expression
EXPRESSIONS = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "neg": "-{0}", "pos": "{0}",
    "mul": "mul_{n}({0}, {1})", "square": "mul_{n}({0}, {0})", "div": "div_{n}({0}, {1})",
    "quotient": "div_{n}({0}, {1})", "reciprocal": "reciprocal_{n}({0})",
    "pow": "pow_{n}({0}, {1})", "abs": "abs_{n}({0})", "sign": "sign_{n}({0})",
    "conj": "conj{f}({0})",
    "real": "creal{f}({0})", "imag": "cimag{f}({0})", "rint": "rint_{n}({0})",
    "eq": "{0} == {1}", "ne": "{0} != {1}", "lt": "less_{n}({0}, {1})", "gt": "less_{n}({1}, {0})",
    "le": "less_equal_{n}({0}, {1})", "ge": "less_equal_{n}({1}, {0})",
    "logical_and": "{0} != 0 && {1} != 0", "logical_or": "{0} != 0 || {1} != 0",
    "logical_not": "{0} == 0", "logical_xor": "({0} != 0) != ({1} != 0)",
    "isfinite": "isfinite_{n}({0})", "isinf": "isinf_{n}({0})", "isnan": "isnan_{n}({0})",
    **{name: f"{name}_{{n}}({{0}}, {{1}})" for name in ("maximum", "minimum", "fmax", "fmin")},
    **{name: f"c{name.replace('arc', 'a')}{{f}}({{0}})" for name in _BY_LIBRARY},
    "root": "csqrt{f}({0})", "tailed_tanh": "ctanh{f}({0})",
    **{name: f"{name}_{{n}}({{0}})" for name in ("exp2", "expm1", "log2", "log10", "log1p")},
}
# of the functions that these call: their definition, {t} is the type, {r} that of a part
FUNCTIONS = {
    "complex": """\
/* Without the product by I, which changes parts that are not finite, or -0. */
{t} complex_{p}({r} re, {r} im) {{
    const union {{ {r} parts[2]; {t} z; }} same = {{{{re, im}}}};
    return same.z;
}}""",
    "mul": """\
{t} mul_{n}({t} a, {t} b) {{
    const {r} ar = creal{f}(a), ai = cimag{f}(a), br = creal{f}(b), bi = cimag{f}(b);
    return complex_{p}(ar * br - ai * bi, ar * bi + ai * br);
}}""",
    "div": """\
/* Source: Smith 1962, "Algorithm 116: complex division". */
{t} div_{n}({t} a, {t} b) {{
    const {r} ar = creal{f}(a), ai = cimag{f}(a), br = creal{f}(b), bi = cimag{f}(b);
    if (br == 0 && bi == 0)
        return complex_{p}(ar / fabs{f}(br), ai / fabs{f}(br));
    if (fabs{f}(br) >= fabs{f}(bi)) {{
        const {r} ratio = bi / br, scale = 1 / (br + bi * ratio);
        return complex_{p}((ar + ai * ratio) * scale, (ai - ar * ratio) * scale);
    }}
    const {r} ratio = br / bi, scale = 1 / (bi + br * ratio);
    return complex_{p}((ar * ratio + ai) * scale, (ai * ratio - ar) * scale);
}}""",
    "reciprocal": """\
{t} reciprocal_{n}({t} z) {{
    const {r} re = creal{f}(z), im = cimag{f}(z);
    if (fabs{f}(im) <= fabs{f}(re)) {{
        const {r} ratio = im / re, d = re + im * ratio;
        return complex_{p}(1 / d, -ratio / d);
    }}
    const {r} ratio = re / im, d = re * ratio + im;
    return complex_{p}(ratio / d, -1 / d);
}}""",
    "abs": "{r} abs_{n}({t} z) {{ return hypot{f}(creal{f}(z), cimag{f}(z)); }}",
    "size": "{r} size_{n}({t} z) {{ return fabs{f}(creal{f}(z)) + fabs{f}(cimag{f}(z)); }}",
    "norm": "{r} norm_{n}({t} z) "
            "{{ return creal{f}(z) * creal{f}(z) + cimag{f}(z) * cimag{f}(z); }}",
    "isfinite": "bool isfinite_{n}({t} z) "
                "{{ return isfinite(creal{f}(z)) && isfinite(cimag{f}(z)); }}",
    "isinf": "bool isinf_{n}({t} z) {{ return isinf(creal{f}(z)) || isinf(cimag{f}(z)); }}",
    "isnan": "bool isnan_{n}({t} z) {{ return isnan(creal{f}(z)) || isnan(cimag{f}(z)); }}",
    "rint": "{t} rint_{n}({t} z) "
            "{{ return complex_{p}(rint{f}(creal{f}(z)), rint{f}(cimag{f}(z))); }}",
    "sign": """\
{t} sign_{n}({t} z) {{
    const {r} re = creal{f}(z), im = cimag{f}(z), size = abs_{n}(z);
    if (isnan(size))
        return complex_{p}(NAN, NAN);
    if (isinf(re) && isinf(im))
        return complex_{p}(NAN, NAN);
    if (isinf(size))
        return complex_{p}(isinf(re) ? copysign{f}(1, re) : 0, isinf(im) ? copysign{f}(1, im) : 0);
    return size == 0 ? 0 : complex_{p}(re / size, im / size);
}}""",
    "less": """\
/* By the real parts, then by the imaginary parts. */
bool less_{n}({t} a, {t} b) {{
    const {r} ar = creal{f}(a), ai = cimag{f}(a), br = creal{f}(b), bi = cimag{f}(b);
    return (ar < br && !isnan(ai) && !isnan(bi)) || (ar == br && ai < bi);
}}""",
    "less_equal": """\
bool less_equal_{n}({t} a, {t} b) {{
    const {r} ar = creal{f}(a), ai = cimag{f}(a), br = creal{f}(b), bi = cimag{f}(b);
    return (ar < br && !isnan(ai) && !isnan(bi)) || (ar == br && ai <= bi);
}}""",
    "maximum": "{t} maximum_{n}({t} a, {t} b) "
               "{{ return isnan_{n}(a) || less_equal_{n}(b, a) ? a : b; }}",
    "minimum": "{t} minimum_{n}({t} a, {t} b) "
               "{{ return isnan_{n}(a) || less_equal_{n}(a, b) ? a : b; }}",
    "fmax": "{t} fmax_{n}({t} a, {t} b) "
            "{{ return isnan_{n}(b) || less_equal_{n}(b, a) ? a : b; }}",
    "fmin": "{t} fmin_{n}({t} a, {t} b) "
            "{{ return isnan_{n}(b) || less_equal_{n}(a, b) ? a : b; }}",
    "exp2": """\
{t} exp2_{n}({t} z) {{
    const {r} ln2 = ({r})0.693147180559945309;
    return cexp{f}(complex_{p}(creal{f}(z) * ln2, cimag{f}(z) * ln2));
}}""",
    "expm1": """\
{t} expm1_{n}({t} z) {{
    const {r} re = creal{f}(z), im = cimag{f}(z), half = sin{f}(im / 2);
    return complex_{p}(
        expm1{f}(re) * cos{f}(im) - 2 * half * half, sin{f}(im) * exp{f}(re));
}}""",
    "log2": """\
{t} log2_{n}({t} z) {{
    const {t} y = clog{f}(z);
    const {r} log2e = ({r})1.442695040888963407;
    return complex_{p}(creal{f}(y) * log2e, cimag{f}(y) * log2e);
}}""",
    "log10": """\
{t} log10_{n}({t} z) {{
    const {t} y = clog{f}(z);
    const {r} log10e = ({r})0.434294481903251828;
    return complex_{p}(creal{f}(y) * log10e, cimag{f}(y) * log10e);
}}""",
    "log1p": """\
{t} log1p_{n}({t} z) {{
    const {r} re = creal{f}(z) + 1, im = cimag{f}(z);
    return complex_{p}(log{f}(hypot{f}(re, im)), atan2{f}(im, re));
}}""",
    "pow": """\
/* Small integers by products, as in NumPy. */
{t} pow_{n}({t} a, {t} b) {{
    const {r} br = creal{f}(b), bi = cimag{f}(b);
    if (br == 0 && bi == 0)
        return 1;
    if (a == 0)
        return br > 0 ? 0 : complex_{p}(NAN, NAN);
    if (bi != 0 || !(br > -100 && br < 100) || br != trunc{f}(br))
        return cpow{f}(a, b);
    int left = (int)fabs{f}(br);
    if (br == 1)
        return a;
    if (br == 3)
        return mul_{n}(a, mul_{n}(a, a));
    {t} product = 1, power = a;
    for (;; power = mul_{n}(power, power)) {{
        if (left & 1)
            product = mul_{n}(product, power);
        left >>= 1;
        if (left == 0)
            break;
    }}
    return br < 0 ? div_{n}(1, product) : product;
}}""",
}
# fmt: on


def text_of_complex(base: str, kind: str) -> str:
    """The text of a function, for ``complex_double`` or ``complex_float``, or a part of these."""
    part = kind.removeprefix("complex_")
    return FUNCTIONS[base].format(
        t=f"{part} complex", r=part, n=f"complex_{part}", p=part, f="f" if part == "float" else ""
    )

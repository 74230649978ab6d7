"""Small dense algebra in C: templates of functions for each dtype of LAPACK.

``{t}`` is the type of an element, ``{r}`` that of its real part, ``{n}`` the end of a name, ``{f}``
the suffix of the C library. ``<a * b>`` and ``<a / b>`` are products and quotients, which are
functions of complex numbers; so are SIZE, by which pivots are chosen, ABS, REAL and CONJ.
Matrices are in C order; inner loops run along rows, so that compilers vectorise them.
"""

import re

# fmt: off
TEMPLATES = {
    "solve": """\
/* x = a^-1 b for a [n,n] and b [n,m]; a and b are overwritten; 0 if a is singular */
int solve_{n}(int n, int m, {t} *restrict a, {t} *restrict b) {{
    for (int k = 0; k < n; k++) {{
        int pivot = k;
        for (int i = k + 1; i < n; i++)
            if (SIZE(a[n*i + k]) > SIZE(a[n*pivot + k]))
                pivot = i;
        if (a[n*pivot + k] == 0)
            return 0;
        if (pivot != k) {{
            for (int j = 0; j < n; j++) {{
                const {t} t = a[n*k + j];
                a[n*k + j] = a[n*pivot + j];
                a[n*pivot + j] = t;
            }}
            for (int j = 0; j < m; j++) {{
                const {t} t = b[m*k + j];
                b[m*k + j] = b[m*pivot + j];
                b[m*pivot + j] = t;
            }}
        }}
        for (int i = k + 1; i < n; i++) {{
            const {t} factor = <a[n*i + k] / a[n*k + k]>;
            for (int j = k + 1; j < n; j++)
                a[n*i + j] -= <factor * a[n*k + j]>;
            for (int j = 0; j < m; j++)
                b[m*i + j] -= <factor * b[m*k + j]>;
        }}
    }}
    for (int k = n - 1; k >= 0; k--)
        for (int j = 0; j < m; j++) {{
            {t} sum = b[m*k + j];
            for (int i = k + 1; i < n; i++)
                sum -= <a[n*k + i] * b[m*i + j]>;
            b[m*k + j] = <sum / a[n*k + k]>;
        }}
    return 1;
}}""",
    "lu": """\
/* The factors L and U of the rows of a [m,n], in place of it, and the pivots: row k was exchanged
with row pivots[k]. Source: Golub & Van Loan, Matrix Computations, algorithm 3.4.1. */
void lu_{n}(int m, int n, {t} *restrict a, int32_t *restrict pivots) {{
    for (int k = 0; k < m && k < n; k++) {{
        int pivot = k;
        {r} best = SIZE(a[n*k + k]);
        for (int i = k + 1; i < m; i++) {{
            const {r} size = SIZE(a[n*i + k]);
            if (best == best && !(size <= best)) {{ /* nan is taken, and kept */
                pivot = i;
                best = size;
            }}
        }}
        pivots[k] = pivot;
        for (int j = 0; j < n && pivot != k; j++) {{
            const {t} t = a[n*k + j];
            a[n*k + j] = a[n*pivot + j];
            a[n*pivot + j] = t;
        }}
        for (int i = k + 1; i < m && best != 0; i++) {{
            const {t} factor = <a[n*i + k] / a[n*k + k]>;
            a[n*i + k] = factor;
            for (int j = k + 1; j < n; j++)
                a[n*i + j] -= <factor * a[n*k + j]>;
        }}
    }}
}}""",
    "slogdet": """\
/* The sign (phase) of the determinant and the logarithm of its absolute value, from lu [n,n] */
void slogdet_{n}(
    int n, const {t} *restrict lu, const int32_t *restrict pivots, {t} *restrict sign,
    {r} *restrict logdet
) {{
    *sign = 1;
    *logdet = 0;
    for (int k = 0; k < n; k++) {{
        const {r} size = ABS(lu[n*k + k]);
        if (size == 0) {{
            *sign = 0;
            *logdet = -INFINITY;
            return;
        }}
        *sign = pivots[k] == k ? *sign : -*sign;
        *sign = PHASE(*sign, lu[n*k + k], size);
        *logdet += log_{p}(size);
    }}
}}""",
    "substitute": """\
/* x = a^-1 x for a [n,n], lower triangular, by its strides, and x [n,m] by that of its rows; 0 if a
is singular */
int substitute_{n}(
    int n, int m, bool unit, const {t} *restrict a, int a_row, int a_column, {t} *restrict x,
    int x_row
) {{
    for (int i = 0; i < n; i++) {{
        for (int k = 0; k < i; k++) {{
            const {t} factor = a[a_row*i + a_column*k];
            for (int j = 0; j < m; j++)
                x[x_row*i + j] -= <factor * x[x_row*k + j]>;
        }}
        const {t} pivot = a[a_row*i + a_column*i];
        if (pivot == 0 && !unit)
            return 0;
        for (int j = 0; j < m && !unit; j++)
            x[x_row*i + j] = <x[x_row*i + j] / pivot>;
    }}
    return 1;
}}""",
    "cholesky": """\
/* The upper factor U of a [n,n] = U* U in place of its upper triangle, zeros below; 0 if a is not
positive definite */
int cholesky_{n}(int n, {t} *a) {{
    for (int k = 0; k < n; k++) {{
        const {r} square = REAL(a[n*k + k]);
        if (square <= 0)
            return 0;
        const {r} pivot = sqrt{f}(square);
        for (int j = 0; j < k; j++)
            a[n*k + j] = 0;
        a[n*k + k] = pivot;
        for (int j = k + 1; j < n; j++)
            a[n*k + j] /= pivot;
        for (int i = k + 1; i < n; i++) {{
            const {t} factor = CONJ(a[n*k + i]);
            for (int j = i; j < n; j++)
                a[n*i + j] -= <factor * a[n*k + j]>;
        }}
    }}
    return 1;
}}""",
    "qr": """\
/* The factors of a [m,n] = q r, by Householder reflections with LAPACK's signs: q [m,k], and r in
the upper triangle of a. tau holds the factors of the reflections. */
void qr_{n}(
    int m, int n, int k, {t} *restrict a, {t} *restrict q, {t} *restrict tau
) {{
    const int count = m < n ? m : n;
    for (int j = 0; j < count; j++) {{
        {r} square = 0;
        for (int i = j + 1; i < m; i++)
            square += NORM(a[n*i + j]);
        const {t} alpha = a[n*j + j];
        tau[j] = 0;
        if (square == 0 && IMAG(alpha) == 0)
            continue;
        const {r} beta = -copysign{f}(sqrt{f}(NORM(alpha) + square), REAL(alpha));
        const {t} scale = alpha - beta;
        tau[j] = scale / -beta;
        for (int i = j + 1; i < m; i++)
            a[n*i + j] = <a[n*i + j] / scale>;
        a[n*j + j] = beta;
        for (int l = j + 1; l < n; l++) {{
            {t} sum = a[n*j + l];
            for (int i = j + 1; i < m; i++)
                sum += <CONJ(a[n*i + j]) * a[n*i + l]>;
            sum = <CONJ(tau[j]) * sum>;
            a[n*j + l] -= sum;
            for (int i = j + 1; i < m; i++)
                a[n*i + l] -= <a[n*i + j] * sum>;
        }}
    }}
    for (int i = 0; i < m; i++)
        for (int l = 0; l < k; l++)
            q[k*i + l] = i == l;
    for (int j = count - 1; j >= 0; j--)
        for (int l = j; l < k; l++) {{
            {t} sum = q[k*j + l];
            for (int i = j + 1; i < m; i++)
                sum += <CONJ(a[n*i + j]) * q[k*i + l]>;
            sum = <tau[j] * sum>;
            q[k*j + l] -= sum;
            for (int i = j + 1; i < m; i++)
                q[k*i + l] -= <a[n*i + j] * sum>;
        }}
}}""",
    "cofactor": """\
/* The derivative of the determinant of a [n,n], for n up to 3: signed minors */
void cofactor_{n}(int n, const {t} *restrict a, {t} *restrict c) {{
    if (n == 1)
        c[0] = 1;
    for (int i = 0; i < 2 && n == 2; i++)
        for (int j = 0; j < 2; j++)
            c[2*i + j] = i == j ? a[3 - 2*i - j] : -a[3 - 2*i - j];
    for (int i = 0; i < 3 && n == 3; i++)
        for (int j = 0; j < 3; j++) {{
            const {t} *x = a + 3 * ((i + 1) % 3), *y = a + 3 * ((i + 2) % 3);
            const int k = (j + 1) % 3, l = (j + 2) % 3;
            c[3*i + j] = <x[k] * y[l]> - <x[l] * y[k]>;
        }}
    bool known = true;
    for (int i = 0; i < n * n; i++)
        known = known && FINITE(a[i]);
    for (int i = 0; i < n * n && !known; i++)
        c[i] = NAN;
}}""",
}
# fmt: on
_REAL = {
    "SIZE": "fabs{f}({0})",
    "ABS": "fabs{f}({0})",
    "REAL": "{0}",
    "IMAG": "0",
    "CONJ": "{0}",
    "NORM": "{0} * {0}",
    "PHASE": "{1} < 0 ? -{0} : {0}",
    "FINITE": "isfinite({0})",
}  # fmt: skip
_COMPLEX = {
    "SIZE": "size_{n}({0})", "ABS": "abs_{n}({0})", "REAL": "creal{f}({0})",
    "IMAG": "cimag{f}({0})", "CONJ": "conj{f}({0})", "NORM": "norm_{n}({0})",
    "PHASE": "mul_{n}({0}, {1} / {2})", "FINITE": "isfinite_{n}({0})",
}  # fmt: skip
_PRODUCT = re.compile(r"<(\S[^<>;]*?) ([*/]) ([^<>;]*?\S)>")
_WORD = re.compile(rf"\b({'|'.join(_REAL)})\(([^()]*)\)")


def text_of_algebra(base: str, kind: str) -> str:
    """The text of a function for double, float, complex_double or complex_float."""
    part = kind.removeprefix("complex_")
    is_real, f = part == kind, "f" if part == "float" else ""
    table, t = (_REAL, part) if is_real else (_COMPLEX, f"{part} complex")
    text = TEMPLATES[base].format(t=t, r=part, p=part, n=kind, f=f)
    text = _WORD.sub(lambda m: table[m[1]].format(*m[2].split(", "), n=kind, f=f), text)
    names = {"*": "mul", "/": "div"}
    product = lambda m: m[0][1:-1] if is_real else f"{names[m[2]]}_{kind}({m[1]}, {m[3]})"
    return _PRODUCT.sub(product, text)

"""Products of matrices in C, in tiles of 4 rows and some columns.

A file has the widths of tiles that its products need: each is loops of its own, which take the
compiler as long as a small program. Indices of loops are as wide as addresses, so that compilers
step through memory, even where integers may wrap around.
"""

import re
from collections.abc import Iterable

ROWS = 4  # of a tile

# fmt: off
_BY_TILES = """\
    for (ptrdiff_t i = 0; i < whole; i += 4) {{
        {t} s0[32] = {{0}}, s1[32] = {{0}}, s2[32] = {{0}}, s3[32] = {{0}};
        for (ptrdiff_t k = 0; k < n; k++) {{
            const {t} *x = a + a_row*i + a_column*k, *y = b + b_row*k;
            const {t} x0 = x[0], x1 = x[a_row], x2 = x[2*a_row], x3 = x[3*a_row];
            for (ptrdiff_t l = 0; l < width; l++) {{
                s0[l] += x0 * y[l];
                s1[l] += x1 * y[l];
                s2[l] += x2 * y[l];
                s3[l] += x3 * y[l];
            }}
        }}
        for (ptrdiff_t l = 0; l < width; l++) {{
            c[c_row*i + l] = s0[l];
            c[c_row*(i + 1) + l] = s1[l];
            c[c_row*(i + 2) + l] = s2[l];
            c[c_row*(i + 3) + l] = s3[l];
        }}
    }}
"""
_BY_ROWS = """\
    for (ptrdiff_t i = whole; i < m; i++) {{
        {t} s[32] = {{0}};
        for (ptrdiff_t k = 0; k < n; k++) {{
            const {t} x = a[a_row*i + a_column*k], *y = b + b_row*k;
            for (ptrdiff_t l = 0; l < width; l++)
                s[l] += x * y[l];
        }}
        for (ptrdiff_t l = 0; l < width; l++)
            c[c_row*i + l] = s[l];
    }}
"""
_WIDTHS = {
    32: """\
    for (; m < 4 && j + 32 <= p; j += 32) /* more sums that do not wait for one another */
        columns_{n}(32, m, n, a, a_row, a_column, b + j, b_row, c + j, c_row);
""",
    16: """\
    for (; j + 16 <= p; j += 16)
        columns_{n}(16, m, n, a, a_row, a_column, b + j, b_row, c + j, c_row);
""",
    8: """\
    if (p - j >= 8) {{
        columns_{n}(8, m, n, a, a_row, a_column, b + j, b_row, c + j, c_row);
        j += 8;
    }}
""",
    4: """\
    if (p - j >= 4) {{
        columns_{n}(4, m, n, a, a_row, a_column, b + j, b_row, c + j, c_row);
        j += 4;
    }}
""",
    1: """\
    for (; j < p; j++)
        columns_{n}(1, m, n, a, a_row, a_column, b + j, b_row, c + j, c_row);
""",
}
FUNCTIONS_OF_TILES = {
    "columns": f"""\
/* A few columns of c = a b, in tiles of 4 rows whose sums stay in registers. */
INLINED void columns_{{n}}(
    int width, int m, int n, const {{t}} *restrict a, int a_row, int a_column,
    const {{t}} *restrict b, int b_row, {{t}} *restrict c, int c_row
) {{{{
    const int whole = m - m % 4;
{_BY_TILES}{_BY_ROWS}}}}}""",
    "matmul": f"""\
/* c = a b for a [m,n], b [n,p] and c [m,p], by their strides; rows of b and c are contiguous */
void matmul_{{n}}(
    int m, int n, int p, const {{t}} *restrict a, int a_row, int a_column, const {{t}} *restrict b,
    int b_row, {{t}} *restrict c, int c_row
) {{{{
    ptrdiff_t j = 0;
{"".join(_WIDTHS.values())}}}}}""",
}
# fmt: on
_CALL = re.compile(r"\b(?:matmul|gemm)_(float|double)\((\d+),\s*\d+,\s*(\d+),")


def needed(found: dict[str, str], lines: Iterable[str]) -> None:
    """Drop the widths of tiles, and the loops over rows, that the products of lines do not need."""
    calls = _CALL.findall("\n".join(lines))
    for kind in ("float", "double"):
        shapes = [(int(m), int(p)) for called, m, p in calls if called == kind]
        widths = {width for shape in shapes for width in _widths(*shape)}
        unneeded = [text for width, text in _WIDTHS.items() if width not in widths]
        unneeded += [_BY_TILES] if all(m < ROWS for m, _ in shapes) else []
        unneeded += [_BY_ROWS] if all(m % ROWS == 0 for m, _ in shapes) else []
        for name in (f"columns_{kind}", f"matmul_{kind}"):
            for text in unneeded if name in found else ():
                found[name] = found[name].replace(text.format(t=kind, n=kind), "")


def _widths(m: int, p: int) -> set[int]:
    """The widths of the tiles of a product whose result is [m,p]."""
    left = p % 32 if m < ROWS else p
    rest = left % 16
    used = {32: left < p, 16: left >= 16, 8: rest >= 8, 4: rest % 8 >= 4, 1: rest % 4 > 0}
    return {width for width, is_used in used.items() if is_used}

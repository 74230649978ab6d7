"""Elementary functions in C: their digits, special values, and the same bits by every compiler."""

import ctypes
import itertools
import math
import platform
import shutil
import subprocess

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.c import compiler
from funcgrad.c.elementary import elementary

from .support.compare import assert_same

pytestmark = pytest.mark.skipif(
    not compiler.is_found(), reason="needs a C compiler: $CC, cc, gcc or clang"
)
FLOATS = {"double": np.float64, "float": np.float32}
ULPS = {"double": 2, "float": 4}
# the function of NumPy, that of mpmath if its name differs, and intervals of arguments: on a
# logarithmic scale where both ends have one sign and are far apart
# fmt: off
WIDE = (1e-300, 1e300)
ANGLES = [(-10, 10), (-130_000, 130_000), (1e-9, 1e-3), (2e5, 1e300)]
ONE = {
    "exp":   (np.exp, [(-3, 3), (-745, 709), (1e-18, 1)]),
    "exp2":  (np.exp2, [(-3, 3), (-1074, 1023), (1e-18, 1)], lambda m, x: m.mpf(2) ** x),
    "expm1": (np.expm1, [(-1.5, 1.5), (-60, 709), (1e-300, 1)]),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), [(-5, 5), (-745, 40), (1e-18, 1)],
                lambda m, x: 1 / (1 + m.exp(-x))),
    "log":   (np.log, [(0.5, 2), WIDE, (5e-324, 1e-38)]),
    "log1p": (np.log1p, [(-0.99, 1), WIDE, (-0.1, 0.1)]),
    "log2":  (np.log2, [(0.5, 2), WIDE], lambda m, x: m.log(x) / m.log(2)),
    "log10": (np.log10, [(0.5, 2), WIDE]),
    "tanh":  (np.tanh, [(-1, 1), (-25, 25), (1e-300, 1)]),
    "sinh":  (np.sinh, [(-2, 2), (-710, 710), (1e-300, 1)]),
    "cosh":  (np.cosh, [(-2, 2), (-710, 710)]),
    "arcsinh": (np.arcsinh, [(-4, 4), WIDE], "asinh"),
    "arccosh": (np.arccosh, [(1, 1.1), (1, 4), (1, 1e300)], "acosh"),
    "arctanh": (np.arctanh, [(-1, 1), (1e-300, 1)], "atanh"),
    "sin":   (np.sin, ANGLES),
    "cos":   (np.cos, ANGLES),
    "tan":   (np.tan, ANGLES),
    "arcsin": (np.arcsin, [(-1, 1), (0.999, 1), (1e-300, 1)], "asin"),
    "arccos": (np.arccos, [(-1, 1), (0.999, 1)], "acos"),
    "arctan": (np.arctan, [(-4, 4), WIDE], "atan"),
    "erf":   (np.vectorize(math.erf, "d"), [(-3, 3), (1e-300, 1)]),
    "erfc":  (np.vectorize(math.erfc, "d"), [(-3, 3), (0.4, 27), (1e-300, 1)]),
    "cbrt":  (np.cbrt, [(-3, 3), WIDE], lambda m, x: m.sign(x) * m.cbrt(abs(x))),
}
TWO = {
    "pow":   (np.power, [((0.1, 10), (-30, 30)), (WIDE, (-1, 1)), ((0.999, 1.001), (-3e5, 3e5))],
              lambda m, x, y: x**y),
    "arctan2": (np.arctan2, [((-2, 2), (-2, 2)), (WIDE, WIDE), ((-2, -1e-9), WIDE)], "atan2"),
    "hypot": (np.hypot, [((-2, 2), (-2, 2)), (WIDE, WIDE)]),
    # of positive results, without cancellation
    "logaddexp": (np.logaddexp, [((0.1, 5), (-5, 5)), ((1, 700), (-700, 700))],
                  lambda m, x, y: m.log(m.exp(x) + m.exp(y))),
}
# fmt: on
ALL = {**ONE, **TWO}
SPECIAL = [
    np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 5e-324, -5e-324, 1e-310,
    1e-40, 1e-20, -1e-20, 37, -37, 88.7, 88.8, -103.9, -104, 709.7, 709.8, 710.4, 710.5, -745.1,
    -745.2, 1e22, 2.0**17, 2.0**24, 2.0**53 - 1, -(2.0**53 - 1), 2.0**53, 1e38, -1e38, 1e308,
    -1e308,
]  # fmt: skip


def c_name(name):
    """The name of a function of NumPy in C."""
    return name.replace("arc", "a")


def built(folder, command):
    """A shared object with a loop over each function, ``NAME_TYPE_loop``."""
    text = []
    for name, t in itertools.product(ALL, FLOATS):
        given = [f"const {t} *restrict {x}" for x in "xz"[: 1 + (name in TWO)]]
        call = f"{c_name(name)}_{t}({'x[i], z[i]' if name in TWO else 'x[i]'})"
        text += [
            f"void {name}_{t}_loop({', '.join(given)}, {t} *restrict y, int n) {{",
            f"    for (int i = 0; i < n; i++) y[i] = {call};",
            "}",
        ]
    whole = ["#include <math.h>", "#include <stdint.h>", *elementary(text), *text, ""]
    (folder / "all.c").write_text("\n".join(whole))
    flags = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-o", str(folder / "all.so")]
    subprocess.run([*command, *flags, str(folder / "all.c"), "-lm"], check=True)
    return ctypes.CDLL(str(folder / "all.so"))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elementary")
    return built(folder, [compiler.compiler(), *compiler.flags(), "-fvisibility=default"])


def computed(library, name, t, arrays):
    """The results of a function in C."""
    out = np.empty_like(arrays[0])
    given = [x.ctypes.data_as(ctypes.c_void_p) for x in (*arrays, out)]
    getattr(library, f"{name}_{t}_loop")(*given, out.size)
    return out


def points(rng, interval, count, dtype):
    low, high = interval
    info = np.finfo(dtype)
    top = min(high, float(info.max) * 0.9)
    bottom = max(low, float(info.smallest_subnormal)) if low > 0 else low
    if bottom > 0 and top / bottom > 1e3:
        x = np.exp(rng.uniform(np.log(bottom), np.log(top), count))
    else:
        x = rng.uniform(bottom, top, count)
    return x.astype(dtype)


def arguments(name, t, count, seed=0):
    """Arrays of arguments, a third of them (half, ...) from each interval."""
    rng, intervals = np.random.default_rng(seed), ALL[name][1]
    each = -(-count // len(intervals))
    sets = [[i] if name in ONE else i for i in intervals]
    columns = zip(*[[points(rng, i, each, FLOATS[t]) for i in s] for s in sets], strict=True)
    return [np.concatenate(column) for column in columns]


def errors(got, want, rest=0):
    """Errors in units in the last place of the wanted results, ``want + rest``."""
    info = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        size = np.where((want == 0) | ~np.isfinite(want), 1, np.abs(want))
        exponent = np.maximum(np.frexp(size)[1] - 1, info.minexp)
        ulps = np.abs((got - want) - rest) / np.ldexp(want.dtype.type(1), exponent - info.nmant)
    same = (np.isnan(got) & np.isnan(want)) | (np.abs(want) > info.max)
    return np.where(same | (got == want) & (rest == 0), 0, ulps)


def exactly(name, arrays, bits=160):
    """The exact results as sums of two floats, so that long doubles are not needed."""
    context = pytest.importorskip("mpmath").mp.clone()
    context.prec = bits
    rule = ALL[name][2] if len(ALL[name]) > 2 else name
    exact = getattr(context, rule) if isinstance(rule, str) else lambda *v: rule(context, *v)
    wide = [exact(*[context.mpf(float(v)) for v in row]) for row in zip(*arrays, strict=True)]
    heads = np.array([float(w) for w in wide])
    rests = np.array([float(w - h) if np.isfinite(h) else 0.0
                      for w, h in zip(wide, heads.tolist(), strict=True)])  # fmt: skip
    return heads, rests


@pytest.mark.parametrize("t", FLOATS)
@pytest.mark.parametrize("name", ALL)
def test_errors_are_within_2_ulp_and_4_in_float32(library, name, t):
    arrays = arguments(name, t, 600 if t == "double" else 150)
    if name in ("sin", "cos", "tan"):  # the nearest numbers to multiples of pi/2
        multiples = np.unique(np.geomspace(1, 80_000, 100).astype(int)) * (np.pi / 2)
        arrays = [np.concatenate([arrays[0], multiples.astype(FLOATS[t])])]
    ulps = errors(computed(library, name, t, arrays), *exactly(name, arrays))

    assert ulps.max() <= ULPS[t], (ulps.max(), [x[ulps.argmax()] for x in arrays])


@pytest.mark.parametrize("t", FLOATS)
@pytest.mark.parametrize("name", ALL)
def test_special_values_are_those_of_numpy(library, name, t):
    with np.errstate(all="ignore"):
        x = np.array(SPECIAL).astype(FLOATS[t])
        arrays = [np.repeat(x, len(x)), np.tile(x, len(x))] if name in TWO else [x]
        want, got = ALL[name][0](*arrays).astype(x.dtype), computed(library, name, t, arrays)
        if name == "sigmoid":  # NumPy's formula is 0 below -709 (float32: -88)
            want = np.where(x < -88, got, want)

    assert_same(want, got, ulps=4, signs=True)


def test_every_compiler_and_level_gives_the_same_bits(library, tmp_path):
    plain = ["-std=c99", "-fPIC", "-shared", "-ffp-contract=off"]
    commands = [
        [cc, level, *plain] for cc, level in (("gcc", "-O0"), ("clang", "-O2")) if shutil.which(cc)
    ]
    for command in commands:
        other = built(tmp_path, command)
        (tmp_path / "all.so").unlink()  # a path is loaded once
        for name in ALL:
            for t in FLOATS:
                arrays = arguments(name, t, 900, seed=1)
                want, got = (computed(lib, name, t, arrays) for lib in (library, other))
                assert_same(want.view(np.uint8), got.view(np.uint8), note=f"{command} {name} {t}")


def test_a_program_has_only_the_functions_that_it_calls():
    text = fg.jit(lambda x: np.exp(x), backend="c").source(np.zeros(100), lang="c")

    assert "exp_double" in text and "log_double" not in text and "_float" not in text


def test_loops_over_functions_are_vectorised(tmp_path):
    if not shutil.which("gcc"):
        pytest.skip("asks gcc")
    calls = {name: f"{name}_double(x[i])" for name in ("exp", "tanh", "log")}
    calls |= {name: f"{name}_double(&far, x[i])" for name in ("near_sin", "near_cos", "near_tan")}
    # a choice by the sign of exp(x), which the compiler knows
    calls |= {f"{name}_of_exp": f"{name}_double(exp_double(x[i]))" for name in ("log", "log1p")}
    for name, call in calls.items():
        lines = ["int loop(const double *restrict x, double *restrict y) {", "uint64_t far = 0;",
                 f"for (int i = 0; i < 4096; i++) y[i] = {call};",
                 "return far != 0; }"]  # fmt: skip
        text = ["#include <math.h>", "#include <stdint.h>", *elementary(lines), *lines]
        source = tmp_path / f"{name}.c"
        source.write_text("\n".join(text))
        command = [
            "gcc",
            *compiler.FLAGS,
            compiler.LEVEL,
            *(["-msse4.2"] if platform.machine() == "x86_64" else []),  # 64-bit comparisons
            "-fopt-info-vec",
            "-o",
            "/dev/null",
            str(source),
        ]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stderr

        assert "loop vectorized" in told


@pytest.mark.parametrize("dtype", FLOATS.values())
def test_one_large_angle_does_not_change_other_sines(dtype):
    f = fg.jit(lambda x: (np.sin(x) * 1, np.cos(x) + 0, np.tan(x) * 1), backend="c")
    x = np.linspace(-9, 9, 70).astype(dtype)
    y = x.copy()
    y[[0, 3, 5]] = 1e9, -3e5, np.inf

    with np.errstate(all="ignore"):
        wanted = np.sin(y), np.cos(y), np.tan(y)
    for near, far, want in zip(f(x), f(y), wanted, strict=True):
        np.testing.assert_array_equal(near[6:], far[6:])
        np.testing.assert_allclose(far, want, rtol=1e-6 if dtype == np.float32 else 1e-15)


# dense grids


@pytest.mark.slow
@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="compares with long doubles")
@pytest.mark.parametrize("t", FLOATS)
@pytest.mark.parametrize("name", ALL)
def test_errors_on_dense_grids(library, name, t):
    if name in ("erf", "erfc"):
        pytest.skip("NumPy has no long double of it")
    arrays = arguments(name, t, 1_000_000, seed=2)
    if name in ("sin", "cos", "tan"):
        arrays = [np.where(np.abs(arrays[0]) < 2.0**60, arrays[0], 1)]  # glibc's own are less exact
    with np.errstate(all="ignore"):
        want = ALL[name][0](*[x.astype(np.longdouble) for x in arrays])
    ulps = errors(computed(library, name, t, arrays), want)

    assert ulps.max() <= ULPS[t], (ulps.max(), [x[ulps.argmax()] for x in arrays])

"""The table of primitives and small programs in C give what NumPy gives, and leave few to it."""

import os
import shutil

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.c import compiler

from .support import c_sweep
from .support.compare import assert_same
from .test_c import LEFT_TO_NUMPY

needs_compiler = pytest.mark.skipif(
    not compiler.is_found(), reason="needs a C compiler: $CC, cc, gcc or clang"
)
# written in C, but not of all operands
OF_SOME_OPERANDS = {
    "complex numbers have no order there": "argcummax argcummin argmax argmin argpartition argsort "
    "nanargmax nanargmin",
    "a power of integers may raise": "pow reciprocal",
    "their parts are too many": "bessel_moment bessel_ratio beta betainc betainc_slope betaincc "
    "gammainc gammainc_slope gammaincc polygamma_difference zeta",
    "LAPACK is called for a singular matrix": "cofactor",
}
CALLED_BACK = {
    name
    for table in (LEFT_TO_NUMPY, OF_SOME_OPERANDS)
    for v in table.values()
    for name in v.split()
}


@needs_compiler
def test_drawn_rows_give_what_numpy_gives(capsys):
    assert c_sweep.main(["--rows", "40", "--level=-O0"]) == 0, capsys.readouterr().out


@needs_compiler
def test_functions_of_unsigned_integers_do_not_wrap(monkeypatch):
    monkeypatch.setattr(compiler, "LEVEL", "-O0")
    x, y = np.array([1, 3, 2], "u2"), np.array([3, 1, 2], "u2")
    f = lambda x, y: (np.logaddexp2(x, y) * 2 + 1, np.cumsum(x * 2.0 + y))

    assert_same(f(x, y), fg.jit(f, backend="c")(x, y), 1e-6)


@needs_compiler
def test_the_places_of_a_partition_are_those_of_numpy():
    x = np.array([3.0, 3.0, 2.0, 3.0, 0.5])
    f = lambda x: np.argpartition(x * 2 - x.sum() + x.max(), 2) + 1

    assert_same(f(x), fg.jit(f, backend="c")(x))


@needs_compiler
def test_small_powers_of_scalars_are_products(monkeypatch):
    monkeypatch.setattr(compiler, "LEVEL", "-O0")
    f = fg.jit(lambda c, xs: fg.lax.scan(lambda c, x: (x - c**3, c**4), c, xs), backend="c")
    xs = np.array([0.3, -0.0, np.inf, 1e200, np.nan])

    assert "pow" not in f.source(0.7, xs, lang="c")
    assert_same(fg.jit(f.fun)(0.7, xs), f(0.7, xs), 1e-14)


def called_back(count, seed):
    """The primitives that drawn rows leave to NumPy, with the reason."""
    found = {}
    with c_sweep.quiet():
        for row in c_sweep.drawn(count, seed):
            if "float64" in row.name:
                found |= c_sweep.called_back([row])
    return found


def test_only_listed_primitives_are_called_back():
    found = called_back(100, 1)

    assert {name: why for name, why in found.items() if name not in CALLED_BACK} == {}


@pytest.mark.slow
def test_of_all_rows_only_listed_primitives_are_called_back():
    found = called_back(None, 0)

    assert {name: why for name, why in found.items() if name not in CALLED_BACK} == {}


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--sanitize", "--level=-O0", "--rows", "700"]], ids=str)
@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_all_rows_give_what_numpy_gives(name, options, capsys):
    if shutil.which(name) is None:
        pytest.skip(f"needs {name}")
    before = os.environ.get("CC")

    assert c_sweep.main(["--cc", name, *options]) == 0, capsys.readouterr().out
    assert os.environ.get("CC") == before

"""The table of primitives and small programs in C give what NumPy gives, and leave few to it."""

import os
import shutil

import pytest

from funcgrad.c import compiler

from .support import c_sweep
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

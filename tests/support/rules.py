"""The table of primitives as arguments of tests, and each row of it as a function."""

import itertools
import warnings

import numpy as np
import pytest

from funcgrad.core.avals import aval_of
from funcgrad.core.registry import primitives

from .cases import C128, CASES, F64

F32 = np.dtype("f4")

primitives.load()

# where the dtype depends on the value of a Python number, which infer does not see
BY_VALUE = {("pow", "?"): "NumPy gives bool**2 as int8, bool**3 as int64"}


def rows(wanted=lambda name, case: True):
    """Return the wanted rows of the table as arguments ``(name, case)`` of a test."""
    return pytest.mark.parametrize(
        ("name", "case"),
        [
            pytest.param(name, case, id=f"{name}-{i}")
            for name, cases in CASES.items()
            for i, case in enumerate(cases)
            if name in primitives and wanted(name, case)
        ],
    )


def turn_of(name, case):
    """Place of a row among those of its primitive, plus that of the primitive in the table."""
    place = next(i for i, other in enumerate(CASES[name]) if other is case)
    return place + list(CASES).index(name)


def sweep(one_in, is_left_out):
    """Return each row in each dtype, as parameters; one in so many of float64 is quick."""
    of_turn = lambda name, case: turn_of(name, case) % one_in == 0
    quick = lambda name, i, dtype, case: i == 0 and dtype == F64 and of_turn(name, case)
    return [
        pytest.param(
            name, case, dtype, id=f"{name}-{i}-{dtype}",
            marks=() if quick(name, i, dtype, case) else pytest.mark.slow,
        )
        for name, cases in CASES.items()
        for i, case in enumerate(cases)
        for dtype in ((F64, F32, C128) if case.complex else (F64, F32))
        if name in primitives and not is_left_out(name, case)
    ]  # fmt: skip


def has_derivative(name, case):
    return primitives[name].differentiable and len(case.free) > 0


# NumPy warns where a complex number is written into a real array
ignores_complex_warning = pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
every_row = rows()
derived_rows = rows(has_derivative)


def subsets(places):
    """Return the subsets of operands that are not empty, the largest last."""
    sizes = range(1, len(places) + 1)
    return [s for n in sizes for s in itertools.combinations(places, n)]


def program(name, case, operands, chosen):
    """Return a primitive as a function of the chosen operands, the others being constants."""

    def function(*xs):
        given = dict(zip(chosen, xs, strict=True))
        full = [given.get(i, x) for i, x in enumerate(operands)]
        return tuple(primitives[name].bind(*full, **case.params))

    return function, [operands[i] for i in chosen]


def problems(name, case):
    """Yield for each dtype and subset of operands: function, primals, tangents, the subset."""
    for dtype in (F64, C128) if case.complex else (F64,):
        operands, directions = case.operands(dtype), case.operands(dtype, seed="tangents")
        for chosen in subsets(case.free):
            yield *program(name, case, operands, chosen), [directions[i] for i in chosen], chosen


def some_problems(name, case, full, begin=0):
    """Yield float64 in all operands, and every other of the problems beside it; all if ``full``."""
    for turn, problem in enumerate(problems(name, case), turn_of(name, case) + begin):
        _, xs, _, chosen = problem
        whole = len(chosen) == len(case.free) and xs[0].dtype == F64
        if full or whole or turn % 2 == 0:
            yield problem


def normal_like(values):
    """Return random numbers with the shapes and dtypes of the values."""
    rng = np.random.default_rng(7)
    draw = lambda x: rng.normal(size=np.shape(x)) * (1 + 1j if x.dtype.kind == "c" else 1)
    return tuple(np.asarray(draw(x)).astype(x.dtype) for x in values)


def outcome(function, *args, **params):
    """Return the avals of the results, or the error where dtypes or values are refused."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        try:
            return tuple(map(aval_of, function(*args, **params)))
        except TypeError:
            return TypeError
        except (ValueError, OverflowError):  # integers to negative powers
            return ValueError

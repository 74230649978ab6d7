"""The cost model of ``jit(f, backend="auto")``: which groups of equations are called in C.

A group is written in C where its call is expected to take at most 0.8 of NumPy's time, and 1,000
calls to gain as much as the compiler takes. The model is a function of the program alone: its
constants were measured once, on one core with AVX-512, with NumPy 2.4 and gcc 12 -O2;
``python -m tests.benchmarks.costs`` prints them beside new measurements.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.jaxpr import Eqn, programs_in
from .chains import is_loop
from .functions import is_elementwise
from .values import TINY

Rates: TypeAlias = tuple[float, float, float, float]  # NumPy float64, float32; C float64, float32

CALLS = 1000  # within which the compilation is to be paid back
MARGIN = 0.8  # of NumPy's time, for the model errs

# microseconds of NumPy
STATEMENT = 0.35  # x + y with out=, few elements: 0.3 to 0.5
SCALAR = 0.05  # an operator on two scalars: 0.03 to 0.07
SCALAR_FUNCTION = 0.2  # a function of a scalar 0.12 to 0.18, of two 0.55
VIEW = 0.12  # a slice: 0.1 to 0.2
REDUCTION = 0.9  # a sum over one axis 0.6, over all 1.2
MOVE = 0.8  # concatenate 0.7 to 0.9, take 1.0
PRODUCT = 0.7  # matmul 0.6 to 0.9
MATRIX = 0.03  # and as much for each matrix of a stack
LAPACK = 5.5  # solve, inv, cholesky 5 to 7, det 4, qr 19
DRAW = 15.0  # random bits by Philox; by threefry 70, normal numbers 65 to 130
STEP = 0.08  # a step of a loop, and as much for each carry and row: 0.05 to 0.15

# microseconds of C
CALL = 0.6  # with two operands
OPERAND = 0.04  # and as much for each operand and result
LOOP = 0.01
NUMBER = 0.001  # an operation in a register

ACROSS_ROWS = 6  # times that of a loop that is not vectorised, as it reads across rows

LARGE_PRODUCT = 1 << 16  # multiplications from which BLAS is faster than C

# nanoseconds an element of an array in the cache
BASIC = 0.22, 0.11, 0.055, 0.03  # add
QUOTIENT = 0.65, 0.22, 0.65, 0.22  # div, sqrt
SUM = 0.2, 0.15, 0.12, 0.1
LARGEST = 0.2, 0.1, 2.0, 2.0  # max, argmax: over inner axes 0.6 in C, of all 2.7
RUNNING = 2.3, 2.3, 0.6, 0.6  # cumsum
MOVED = 0.6, 0.6, 0.45, 0.45  # gather and scatter by arrays of indices
COPIED = 0.27, 0.2, 0.2, 0.12  # concatenate, and updates of slices
PRODUCTS = 0.05, 0.02, 0.08, 0.06  # a multiplication of a product; of one by a vector 0.11, 0.19
ORDERED = 0.42, 0.42, 0.82, 0.82  # n log2(n) of sorted rows; of random ones 4 in both
SOLVED = 0.3, 0.3, 0.4, 0.5  # n^3 of a system of 32 equations; of 4 and 16: 0.8 in NumPy, 0.1 in C
DRAWN = 30.0, 30.0, 8.0, 8.0  # random numbers
COMPLEX = 0.8, 0.7, 0.2, 0.1  # add, mul
COMPLEX_ABS = 1.6, 0.8, 4.8, 2.0
COMPLEX_QUOTIENT = 4.9, 5.2, 4.7, 4.7
COMPLEX_FUNCTION = 20.0, 30.0, 18.0, 30.0  # exp, log, sin; sqrt 10, 30
MEMORY = 0.4, 0.2  # more, in C, of a stored array beyond the cache: both wait for memory
BEYOND = 1 << 19  # bytes
OF_FUNCTIONS = {  # see "Elementary functions in C" in tests/benchmarks/NOTES.md
    "exp": (0.68, 0.42, 1.41, 0.53), "exp2": (0.63, 0.22, 1.35, 0.47),
    "expm1": (1.07, 0.33, 1.58, 0.49), "sigmoid": (2.4, 1.2, 2.43, 0.67),
    "log": (0.88, 0.42, 1.60, 0.65), "log1p": (1.06, 0.43, 1.65, 0.68),
    "log2": (0.93, 0.23, 3.54, 1.89), "log10": (0.98, 0.25, 3.71, 2.09),
    "tanh": (1.29, 0.31, 1.76, 0.59), "sinh": (1.14, 0.38, 1.99, 2.25),
    "cosh": (0.82, 0.35, 1.47, 1.70), "arcsinh": (1.87, 0.75, 4.12, 4.26),
    "arccosh": (2.17, 0.60, 4.55, 4.63), "arctanh": (1.52, 0.55, 3.15, 3.02),
    "sin": (13.6, 0.51, 2.45, 1.3), "cos": (12.5, 0.56, 2.45, 1.3),
    "tan": (1.32, 0.37, 3.1, 2.9), "arcsin": (1.22, 0.43, 1.70, 2.08),
    "arccos": (1.34, 0.46, 2.23, 2.67), "arctan": (1.28, 0.42, 2.53, 2.98),
    "erf": (5.3, 5.1, 5.32, 5.13), "erfc": (5.4, 5.1, 5.41, 5.07), "cbrt": (1.12, 0.38, 2.38, 2.33),
    "pow": (2.38, 0.70, 8.37, 6.40), "arctan2": (2.13, 0.70, 4.27, 4.71),
    "hypot": (15.2, 3.75, 0.88, 0.93), "logaddexp": (16.4, 14.0, 5.59, 2.35),
    "mod": (6.0, 6.0, 10.0, 10.0), "fmod": (6.0, 6.0, 10.0, 10.0),
    "floor_divide": (6.0, 6.0, 10.0, 10.0),
    **dict.fromkeys(("div", "quotient", "reciprocal", "sqrt", "root"), QUOTIENT),
    "tailed_tanh": (1.29, 0.31, 1.76, 0.59), "tailed_sigmoid": (2.4, 1.2, 2.43, 0.67),
}  # fmt: skip
_LARGEST = frozenset({"max", "min", "argmax", "argmin", "amax", "amin"})
_RUNNING = frozenset({"cumsum", "cumprod", "cummax", "cummin"})
_ORDERED = frozenset({"argsort", "searchsorted"})
_SOLVED = frozenset(
    {"solve", "solve_triangular", "inv", "det", "slogdet", "cofactor", "cholesky", "lu", "qr"}
)
_PRODUCTS = frozenset({"matmul", "vecdot", "einsum"})

# milliseconds of the compiler
# (of 252 functions, nine in ten take 0.7 to 1.5 of the sum)
START = 52.0  # of its processes: 50 to 60, for each file
LONG_FILE, FILES = 400.0, 4  # from which another file pays, and the most of a program
FOR_STATEMENT = 0.1
FOR_LOOP = 2.4  # a loop, which is vectorised
IN_LOOP, IN_LOOP_SQUARED = 0.3, 0.02  # its statements, and their number squared
FOR_FUNCTION = 9.0  # an elementary function, which is inlined
_STEP = re.compile(r"int(64_t)? step")  # of scan: its body is not vectorised
_FUNCTION = re.compile(r"\b(?!sign_|m..imum_|fm.._|abs_)\w+_(?:double|float)\(")


def compilation(lines: Iterable[str]) -> float:
    """Milliseconds of the compiler, once it has started, for the statements of a function."""
    body = "\n".join([*lines, ""])
    loops = [part.partition("}")[0] for part in body.split("for (")[1:]]
    lengths = [loop.count(";\n") for loop in loops if not _STEP.match(loop)]
    return (
        FOR_STATEMENT * body.count(";\n")
        + FOR_LOOP * len(loops)
        + sum(IN_LOOP * n + IN_LOOP_SQUARED * n * n for n in lengths)
        + FOR_FUNCTION * len(_FUNCTION.findall(body))
    )


def in_files(times: Sequence[float]) -> list[list[int]]:
    """The functions of each file, by their milliseconds of the compiler.

    It starts once for a file, and long ones are compiled at once.
    """
    total, longest = sum(times), max(times)
    count = min(FILES, 1 + int(total / LONG_FILE), max(1, round(total / max(longest, 1.0))))
    files: list[list[int]] = [[] for _ in range(count)]
    for k in sorted(range(len(times)), key=times.__getitem__, reverse=True):
        min(files, key=lambda file: sum(times[j] for j in file)).append(k)
    return [sorted(file) for file in files]


def in_numpy(eqns: Sequence[Eqn]) -> float:
    """Microseconds of equations in NumPy source."""
    return sum(map(_in_numpy, eqns))


def by_line(eqns: Sequence[Eqn]) -> dict[str, float]:
    """Microseconds inside a function in C for each source line of its equations."""
    found: dict[str, float] = {}
    for eqn in eqns:
        inner = by_line([e for program in programs_in(eqn.params) for e in program.eqns])
        total = sum(inner.values())
        parts = {k: t / total for k, t in inner.items()} if total else {eqn.source: 1.0}
        cost = in_c([eqn])
        for source, part in parts.items():
            found[source] = found.get(source, 0.0) + part * cost
    return found


def in_c(eqns: Sequence[Eqn]) -> float:
    """Microseconds of equations inside a function in C."""
    slow = _strided(eqns)
    return sum(
        _in_c(e) * (ACROSS_ROWS if slow and e.outs[0].aval.shape in slow else 1) for e in eqns
    )


def _strided(eqns: Sequence[Eqn]) -> set[Any]:
    """The shapes of loops that read a transposed array across its rows."""
    turned = {e.outs[0] for e in eqns if e.prim.name == "transpose" and _moves_last(e)}
    loops = [e for e in eqns if turned and is_loop(e)]
    return {e.outs[0].aval.shape for e in loops if not turned.isdisjoint(e.ins)}


def _moves_last(eqn: Eqn) -> bool:
    perm = eqn.params["perm"]
    return bool(perm) and perm[-1] != len(perm) - 1


def _in_numpy(eqn: Eqn) -> float:
    held = programs_in(eqn.params)
    if held:
        inside = sum(in_numpy(program.eqns) for program in held)
        return STATEMENT + _turns(eqn) * (STEP * (1 + len(eqn.outs)) + inside)
    if not eqn.outs:  # a call of Python
        return STATEMENT
    rates = _rates(eqn)
    if rates is None:
        return VIEW
    return _start(eqn, rates) + _rate(rates[:2], eqn) * _amount(eqn) / 1000


def _start(eqn: Eqn, rates: Rates) -> float:
    """Microseconds of a statement in NumPy on few elements."""
    if is_elementwise(eqn.prim):
        if eqn.outs[0].aval.shape:
            return STATEMENT
        return (
            SCALAR_FUNCTION if eqn.prim.name in OF_FUNCTIONS and rates is not QUOTIENT else SCALAR
        )
    if rates is PRODUCTS:
        return PRODUCT + MATRIX * math.prod(eqn.outs[0].aval.shape[:-2])
    if rates is SOLVED or rates is DRAWN:
        return LAPACK if rates is SOLVED else DRAW
    if rates is MOVED or rates is COPIED:
        return MOVE if any(x.aval.shape for x in eqn.ins[1:]) else VIEW
    return REDUCTION


def _in_c(eqn: Eqn) -> float:
    held = programs_in(eqn.params)
    if held:
        inside = sum(in_c(program.eqns) + waits(program.outvars) for program in held)
        return LOOP + _turns(eqn) * inside
    rates = _rates(eqn)
    if rates is None:
        return 0.0
    start = LOOP if is_loop(eqn) or _size(eqn) > TINY else NUMBER
    stack = math.prod(eqn.outs[0].aval.shape[:-2])
    if eqn.prim.name == "matmul" and _amount(eqn) > LARGE_PRODUCT * stack:  # by BLAS, too
        rates = (*rates[:2], *rates[:2])
    stored = 0.0 if is_elementwise(eqn.prim) else waits(eqn.outs)
    return start + stored + _rate(rates[2:], eqn) * _amount(eqn) / 1000


def waits(arrays: Sequence[Any]) -> float:
    """Microseconds that arrays which are too large for the cache wait for memory."""
    large = [a for a in (v.aval for v in arrays) if a.size * a.dtype.itemsize > BEYOND]
    return sum(MEMORY[a.dtype.itemsize <= 4] * a.size for a in large) / 1000


def _turns(eqn: Eqn) -> float:
    """How often each program that an equation holds runs."""
    turns = eqn.prim.holds.turns
    return 1.0 if turns is None else float(turns(**eqn.params))


def _rates(eqn: Eqn) -> Rates | None:
    """The times of an element; None for a view."""
    name = eqn.prim.name
    if is_elementwise(eqn.prim):
        return _of_complex(name) if _is_complex(eqn) else OF_FUNCTIONS.get(name, BASIC)
    if eqn.prim.codegen.view is not None and len(eqn.ins) <= 1:
        return None
    if name in _PRODUCTS:
        return PRODUCTS
    if name in _LARGEST:
        return LARGEST
    if name in _RUNNING:
        return RUNNING
    if name in _ORDERED:
        return ORDERED
    if name in _SOLVED:
        return SOLVED
    if name.startswith("random_"):
        return DRAWN
    if len(eqn.outs) == 1 and _size(eqn) > eqn.outs[0].aval.size and not _reads_indices(eqn):
        return SUM
    return MOVED if _reads_indices(eqn) else COPIED


def _reads_indices(eqn: Eqn) -> bool:
    """Whether an operand after the first is an array of integers."""
    return any(x.aval.shape and x.aval.dtype.kind in "iu" for x in eqn.ins[1:])


def _is_complex(eqn: Eqn) -> bool:
    return any(x.aval.dtype.kind == "c" for x in eqn.ins)


def _of_complex(name: str) -> Rates:
    if name == "abs":
        return COMPLEX_ABS
    if name not in OF_FUNCTIONS:
        return COMPLEX
    return COMPLEX_QUOTIENT if OF_FUNCTIONS[name] is QUOTIENT else COMPLEX_FUNCTION


def _rate(pair: Sequence[float], eqn: Eqn) -> float:
    dtype: np.dtype = eqn.outs[0].aval.dtype
    parts = 2 if dtype.kind == "c" else 1
    return pair[dtype.itemsize // parts <= np.dtype(np.float32).itemsize]


def _amount(eqn: Eqn) -> float:
    """The elements of an equation, multiplications of a product, or comparisons of a sort."""
    if eqn.prim.name in _ORDERED:
        axis = eqn.params["axis"] if eqn.prim.name == "argsort" else -1
        n = eqn.ins[0].aval.shape[axis]
        return eqn.outs[0].aval.size * math.log2(n + 1)
    if eqn.prim.name in _SOLVED:
        return math.prod(eqn.ins[0].aval.shape) * eqn.ins[0].aval.shape[-1]
    if eqn.prim.name == "matmul":
        a, b = (x.aval.shape for x in eqn.ins[:2])
        return math.prod(a) * (b[-1] if len(b) > 1 else 1)
    if _rates(eqn) in (MOVED, COPIED):
        return max(v.aval.size for v in eqn.outs)
    return _size(eqn)


def _size(eqn: Eqn) -> int:
    values: list[Any] = [*eqn.ins, *eqn.outs]
    return max((x.aval.size for x in values), default=0)

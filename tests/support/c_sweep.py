"""The sweep of C: rows of the table of primitives, and small programs, give what NumPy gives.

``python -m tests.support.c_sweep --cc clang --sanitize`` runs all of them; ``--help`` tells more.
"""

import argparse
import contextlib
import itertools
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

import funcgrad as fg
from funcgrad import tree
from funcgrad.c import compiler, regions
from funcgrad.c.functions import is_elementwise
from funcgrad.compile.passes import optimize
from funcgrad.core.jaxpr import Jaxpr
from funcgrad.core.registry import primitives
from funcgrad.transforms.jit.backends import elementary

from . import programs
from .cases import C128, CASES, F64, Case
from .compare import difference

F32, C64 = np.dtype("f4"), np.dtype("c8")
# other orders of sums, and the C library's functions; integers are equal
TOLERANCES = {F64: 1e-12, F32: 2e-6, C128: 1e-12, C64: 4e-6}
TOLERANCES |= {np.dtype(char): 1e-12 for char in "lBb?"}
DERIVATIVES = 1e-10  # of the programs: their terms cancel
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e-310, -1e30, 710.0]
# NumPy's choice of 0.0 and -0.0 depends on the length; of the others, on the processor
UNSIGNED_ZEROS = {"fmax", "fmin"}
if platform.machine() != "x86_64":
    UNSIGNED_ZEROS |= {"maximum", "minimum", "relu"}
BATCH, FEW = 40, 6  # rows in one program
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")


class Row(NamedTuple):
    """A function with its arguments, and how far its results may be from NumPy's."""

    name: str
    function: Callable[..., Any]
    args: Sequence[Any]
    slack: float
    signs: bool = False  # whether zeros have one sign


def table_rows() -> Iterator[Row]:
    """Rows of the table, in each dtype for which NumPy has the operation."""
    cases = [(name, case) for name in CASES if name in primitives for case in CASES[name]]
    for (name, case), dtype in itertools.product(cases, TOLERANCES):
        if name == "qr" and dtype.kind not in "fc":  # of singular matrices q is not determined
            continue
        operands = case.operands(dtype)
        yield row_of(f"{name} {dtype} {case.shapes}", name, case, operands, TOLERANCES[dtype])


def row_of(
    title: str, name: str, case: Case, operands: Sequence[Any], slack: float, signs: bool = False
) -> Row:
    """A primitive as a function of its operands that are arrays."""
    arrays = [x for x in operands if isinstance(x, np.ndarray | np.generic)]

    def function(*values: Any) -> tuple[Any, ...]:
        rest = iter(values)
        given = [next(rest) if hasattr(x, "dtype") else x for x in operands]
        return tuple(primitives[name].bind(*given, **case.params))

    return Row(title, function, arrays, slack, signs)


def special_rows() -> Iterator[Row]:
    """Elementwise operations of nan, infinities, signed zeros, and tiny and large numbers."""
    for name, dtype in itertools.product(CASES, (F64, F32)):
        case = CASES[name][0]
        if name not in primitives or not is_elementwise(primitives[name]):
            continue
        count = len(case.shapes)
        if len(case.free) != count or count > 2:
            continue
        with np.errstate(all="ignore"):
            x = np.array(SPECIAL, dtype)
        operands = [np.ascontiguousarray(part) for part in np.meshgrid(*[x] * count)]
        signs = name not in UNSIGNED_ZEROS
        yield row_of(f"{name} {dtype} special", name, case, operands, TOLERANCES[dtype], signs)


def program_rows() -> Iterator[Row]:
    """Programs of plain NumPy, of loops and of branches, with their derivatives."""
    x, p = programs.X[0, 0], programs.P[0, 0]
    t = programs.TX, programs.TP
    for name, f in programs.PROGRAMS.items():
        gradient = fg.grad(lambda x, p, f=f: programs.weighted(f(x, p)), argnums=(0, 1))
        twice = lambda x, p, g=gradient: fg.jvp(g, (x, p), t)[1]
        batch = lambda x, p, g=gradient: fg.vmap(g)(np.stack([x, x * 0.9]), np.stack([p, p]))
        for form, run in {"": f, "grad ": gradient, "hvp ": twice, "vmap ": batch}.items():
            yield Row(f"{form}{name}", run, (x, p), DERIVATIVES if form else 1e-12)


def drawn(count: int | None, seed: int) -> list[Row]:
    """All rows, or some of them."""
    primitives.load()
    rows = [*table_rows(), *special_rows(), *program_rows()]
    if count is not None and count < len(rows):
        places = np.random.default_rng(seed).choice(len(rows), count, replace=False)
        rows = [rows[i] for i in sorted(places)]
    return rows


def wanted(row: Row) -> Any:
    """What NumPy gives; None where it has no operation of the dtype."""
    try:
        return row.function(*row.args)
    except (ArithmeticError, TypeError, ValueError):
        return None


def differing(rows: Sequence[Row]) -> list[str]:
    """How rows differ under C from NumPy; they are compiled together."""
    pairs = [(row, want) for row in rows if (want := wanted(row)) is not None]
    args = [row.args for row, _ in pairs]
    compiled = fg.jit(together([row for row, _ in pairs]), backend="c")
    try:
        with eager_for_c():
            results = compiled(args)
    except Exception as err:
        if len(pairs) == 1:
            return [f"{pairs[0][0].name}: {type(err).__name__}: {err}"]
        return [words for row, _ in pairs for words in differing([row])]
    found = []
    for (row, want), got in zip(pairs, results, strict=True):
        dtypes = {np.asarray(x).dtype for x in tree.leaves(want)}
        slack = max(row.slack, *(TOLERANCES.get(dtype, 0.0) for dtype in dtypes), 0.0)
        words = difference(want, got, slack, slack, signs=row.signs)
        found += [f"{row.name}: {words}"] if words else []
    return found


@contextlib.contextmanager
def eager_for_c() -> Iterator[None]:
    """Write in C also the operations that are not worth a call."""
    with patch.object(regions, "WORTH", 1):
        yield


def together(rows: Sequence[Row]) -> Callable[[Any], list[Any]]:
    """One function of the arguments of all rows."""
    return lambda args: [row.function(*xs) for row, xs in zip(rows, args, strict=True)]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without warnings of numbers that are not finite."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def called_back(rows: Sequence[Row]) -> dict[str, str]:
    """The primitives of rows that are left to NumPy, with the reason; no views."""
    rows = [row for row in rows if wanted(row) is not None]
    program = fg.make_jaxpr(together(rows))([row.args for row in rows]).jaxpr
    program = Jaxpr((*program.constvars, *program.invars), (), program.eqns, program.outvars)
    with eager_for_c():
        parts = regions.parts_of(elementary(optimize(program)))
    left = [(eqn.prim.name, p.reason) for p in parts if p.reason for eqn in p.eqns]
    return {name: reason for name, reason in left if reason != regions.VIEWS}


def batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Rows in groups; of those that are written in their parts a few, as programs may not grow."""
    in_parts = {name for name in CASES if name in primitives and primitives[name].decompose}
    few = [row for row in rows if row.name.partition(" ")[0] in in_parts]
    others = [row for row in rows if row.name.partition(" ")[0] not in in_parts]
    for group, size in ((few, FEW), (others, BATCH)):
        for k in range(0, len(group), size):
            yield group[k : k + size]


# the command


def preload(cc: str) -> str:
    """The library of the sanitizers, which is loaded before Python; "" once it is."""
    if os.environ.get("C_SWEEP_SANITIZED"):
        return ""
    names = ["libasan.so"]
    if "clang" in cc:
        names = [f"libclang_rt.asan-{platform.machine()}.so", "libclang_rt.asan.so"]
    for name in names:
        command = [cc, f"-print-file-name={name}"]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        if os.path.isfile(found):
            return found
    raise SystemExit(f"{cc} has no library of sanitizers: {' or '.join(names)}; install it")


def restart(library: str, argv: Sequence[str]) -> int:
    """Run the command again with the library of the sanitizers."""
    settings = {"LD_PRELOAD": library, "C_SWEEP_SANITIZED": "1", "PYTHONMALLOC": "malloc",
                "ASAN_OPTIONS": "detect_leaks=0"}  # fmt: skip
    command = [sys.executable, "-m", "tests.support.c_sweep", *argv]
    return subprocess.run(command, env={**os.environ, **settings}, check=False).returncode


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.c_sweep", description=__doc__)
    parser.add_argument("--cc", default=os.environ.get("CC", "cc"), help="the C compiler")
    parser.add_argument("--rows", type=int, help="the number of rows to be drawn; else all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--level", default=compiler.LEVEL, help="the level of optimisation")
    parser.add_argument("--sanitize", action="store_true", help="with -fsanitize=address,undefined")
    given = list(sys.argv[1:] if argv is None else argv)
    args = parser.parse_args(given)
    if args.sanitize and (library := preload(args.cc)):
        return restart(library, given)
    flags = compiler.FLAGS
    if args.sanitize:
        flags += (*SANITIZERS, *(["-shared-libasan"] if "clang" in args.cc else []))
    began, count, found = time.perf_counter(), 0, list[str]()
    with (
        tempfile.TemporaryDirectory() as folder, quiet(),
        patch.dict(os.environ, CC=args.cc, FUNCGRAD_C_CACHE=f"{folder}/objects"),
        patch.object(compiler, "FLAGS", flags), patch.object(compiler, "LEVEL", args.level),
    ):  # fmt: skip
        for rows in batches(drawn(args.rows, args.seed)):
            new = differing(rows)
            print("\n".join(new), end="\n" if new else "", flush=True)
            found, count = [*found, *new], count + len(rows)
    print(f"{args.cc}: {count} rows, {len(found)} differ, {time.perf_counter() - began:.0f} s")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

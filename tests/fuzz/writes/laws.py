"""The laws of programs that write: each runs one in a way of the library, and in plain NumPy."""

import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any
from unittest.mock import patch

import numpy as np

import funcgrad as fg
from funcgrad.compile import fusion
from funcgrad.core.errors import ConversionError, MutationError

from ..in_c import is_told_in_c, limits_in_c
from ..laws import DifferenceError, deadline
from .plain import CHANGED, NAMESPACE, TRACED
from .program import Program

SECONDS = 20
ROUNDED = 1e-12  # the same arithmetic, fused or in another order
# sums follow the layout, NumPy's cubes the strides of both arrays, and compiled bodies multiply
SUMS = re.compile(r"sum|dot|mean|mat|@|einsum|add|fg|\*\*= 3")
PARTS = re.compile(r"real|imag|conj|vdot|fg\.grad")  # where a complex step means something else
SCALARS = re.compile(r"\.(fill|put|sort|partition|flat)\b")
# what a body makes of plain arrays that it closes over is plain, and takes no traced values
BODIES = re.compile(r"fg\.(lax|vmap|jit|checkpoint|grad)")
BOUND = 1e4  # of values of examples, as far as they are compared
STEP = 1e-30  # along the imaginary axis
NEARBY = 1e-12  # relative distance of arguments, at which the effect of rounding is measured
ROUNDINGS = 64 * np.finfo(float).eps  # which the arguments of a result may seem to be off


class Case:
    """A program, its point, and random directions there."""

    def __init__(self, program: Program, rng: np.random.Generator):
        self.program, self.rng = program, rng
        self.exact = 1e-12 if SUMS.search(program.source) or program.is_complex else 0.0
        self.plain = program.function(NAMESPACE)
        self.fun = program.function(CHANGED if program.changed else TRACED)
        self.points = program.inputs
        self.want = self.plain(*program.fresh())
        self.tangents = tuple(self.like(x) for x in self.points)
        self.cotangents = tuple(self.like(y) for y in self.want)

    def like(self, x: Any) -> Any:
        t = np.asarray(self.rng.normal(size=np.shape(x)))
        if np.iscomplexobj(x):
            t = np.asarray(t + 1j * self.rng.normal(size=np.shape(x)))
        return t.astype(np.asarray(x).dtype)

    def given(self) -> tuple[Any, ...]:
        """The arguments, which must stay as they are."""
        self.passed = self.program.fresh()
        return tuple(self.passed)

    def untouched(self, law: str) -> None:
        for i, (x, y) in enumerate(zip(self.passed, self.points, strict=True)):
            if not np.array_equal(x, y):
                raise DifferenceError(law, f"an argument was changed: {i}\n{x!r}\n{y!r}")

    def same(self, law: str, got: Any, want: Any, tolerance: float, rows: Any = None) -> None:
        """Raise unless shapes, dtypes and numbers agree.

        Args:
            rows: the arguments of each example, if the results are those of ``plain``. Then a
                result may also differ as much as that of arguments which differ by rounding.
        """
        self.untouched(law)
        for i, (a, b) in enumerate(zip(got, want, strict=True)):
            a, b = np.asarray(a), np.asarray(b)
            if a.dtype != b.dtype or a.shape != b.shape:
                raise DifferenceError(law, f"avals differ: output {i}\n{a!r}\n{b!r}")
            scale = max(1.0, *(float(np.max(np.abs(x), initial=0.0)) for x in want))
            close = (np.abs(a - b) <= tolerance * scale) | (np.isnan(a) & np.isnan(b))
            if not np.all(close) and not np.all(close | self.rounded(i, a - b, b, rows)):
                raise DifferenceError(law, f"values differ: output {i}\n{a!r}\n{b!r}")

    def rounded(self, i: int, difference: Any, want: Any, rows: Any) -> Any:
        """Whether a difference of an output is that of arguments which differ by rounding."""
        if rows is None:
            return False
        rng = np.random.default_rng(0)

        def near(x: Any) -> Any:
            y = x * (1 + NEARBY * rng.choice([-1.0, 1.0], np.shape(x)))
            return np.asarray(y) if isinstance(x, np.ndarray) else y

        outs = [self.plain(*map(near, row))[i] for row in rows]
        moved = outs[0] if np.shape(outs[0]) == want.shape else np.stack(outs)
        return np.abs(difference) <= ROUNDINGS / NEARBY * np.abs(moved - want)

    def like_points(self, xs: Iterable[Any]) -> list[Any]:
        """Values as arguments: arrays of no axis where the arguments are."""
        return [np.asarray(x) if isinstance(p, np.ndarray) else x
                for x, p in zip(xs, self.points, strict=True)]  # fmt: skip

    def kink(self) -> bool:
        """Whether differences to both sides disagree, as at a tie, or those of two steps."""
        try:
            ahead, behind = (self.differences(h) for h in (1e-6, -1e-6))
            coarse, fine = (self.central(h) for h in (1e-5, 5e-6))
        except Exception:
            return True
        scale = max(1.0, *(float(np.max(np.abs(x), initial=0.0)) for x in ahead))
        close = lambda xs, ys, tolerance: all(
            np.all(np.abs(x - y) <= tolerance * scale) for x, y in zip(xs, ys, strict=True)
        )
        return not close(ahead, behind, 5e-5) or not close(coarse, fine, 1e-5)

    def central(self, step: float) -> list[Any]:
        ahead, behind = (self.differences(h) for h in (step, -step))
        return [(a + b) / 2 for a, b in zip(ahead, behind, strict=True)]

    def differences(self, step: float) -> list[Any]:
        moved = [x + step * t for x, t in zip(self.points, self.tangents, strict=True)]
        outs = self.plain(*self.like_points(moved))
        return [(y - x) / step for x, y in zip(self.want, outs, strict=True)]

    def slopes(self) -> tuple[list[Any], float]:
        """The derivative along the tangents by NumPy alone, and how well it is known."""
        exact = not any(np.iscomplexobj(x) for x in (*self.points, *self.want))
        if exact and not PARTS.search(self.program.source):
            try:
                return self.complex_step(), 1e-9
            except Exception:  # a real array takes no complex numbers
                pass
        return self.central(1e-5), 1e-4

    def complex_step(self) -> list[Any]:
        moved = [x + 1j * STEP * t for x, t in zip(self.points, self.tangents, strict=True)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            outs = self.plain(*self.like_points(moved))
        for y, x in zip(outs, self.want, strict=True):
            if np.shape(y) != np.shape(x) or not np.array_equal(np.real(y), x):
                raise ValueError("not analytic")
        return [np.imag(y) / STEP for y in outs]


def product(left: Any, right: Any) -> float:
    return float(sum(np.sum(np.real(np.asarray(a) * b)) for a, b in zip(left, right, strict=True)))


def reverse(case: Case) -> None:
    """The value is NumPy's to the last bit, and the gradient that of differences."""
    outs, pull = fg.vjp(case.fun, *case.given())
    case.same("vjp value", outs, case.want, case.exact)
    grads = pull(case.cotangents)
    outs, tangents = fg.jvp(case.fun, case.given(), case.tangents)
    case.same("jvp value", outs, case.want, case.exact)
    try:
        slopes, tolerance = case.slopes()
    except ValueError:  # nearby, a mask has another number of elements
        return
    try:
        case.same(
            "jvp",
            tangents,
            [np.asarray(s, np.asarray(y).dtype) for s, y in zip(slopes, case.want, strict=True)],
            tolerance,
        )
    except DifferenceError:
        if case.kink():
            return
        raise
    case.same("vjp", *adjoint(case, grads, tangents), 1e-9)


def adjoint(case: Case, grads: Any, tangents: Any) -> tuple[list[Any], list[Any]]:
    for g, x in zip(grads, case.points, strict=True):
        if np.shape(g) != np.shape(x):
            raise DifferenceError("vjp", f"avals differ: {np.shape(g)}, {np.shape(x)}")
    one, two = product(grads, case.tangents), product(case.cotangents, tangents)
    size = product(map(np.abs, case.cotangents), map(np.abs, tangents))
    return [np.array([one, size])], [np.array([two, size])]


def compiled(case: Case) -> None:
    """A compiled program gives NumPy's values, again and again."""
    jitted = fg.jit(case.fun)
    big = patch.object(fusion, "BIG", 4 if case.rng.random() < 0.3 else fusion.BIG)
    with big:
        outs = jitted(*case.given())
        case.same("jit", outs, case.want, ROUNDED, [case.points])
        again = jitted(*case.given())
        case.same("jit again", again, case.want, ROUNDED, [case.points])
    jitted(*case.like_points(x * 0.5 for x in case.program.fresh()))
    case.same("jit, an earlier result", outs, case.want, ROUNDED, [case.points])


def compiled_gradient(case: Case) -> None:
    pull = lambda fun: lambda *points: fg.vjp(fun, *points)[1](case.cotangents)
    want = pull(case.fun)(*case.points)
    if case.rng.random() < 0.5:
        got = fg.jit(pull(case.fun))(*case.given())
        case.same("jit of vjp", got, want, ROUNDED * 100)
    else:
        got = pull(fg.jit(case.fun))(*case.given())
        case.same("vjp of jit", got, want, ROUNDED * 100)


def batched(case: Case) -> None:
    """``vmap`` is a loop."""
    if SCALARS.search(case.program.source) and not all(map(np.shape, case.points)):
        return  # methods that do nothing to a scalar
    mapped = lanes(case)
    rows = [[x[k] for x in mapped] for k in range(2)]
    copies = [[x.copy() if isinstance(x, np.ndarray) else x for x in row] for row in rows]
    try:
        outs = [case.plain(*row) for row in copies]
    except Exception:  # scalars in place of arrays of no axis
        return
    want = [np.stack(column) for column in zip(*outs, strict=True)]
    if any(np.any(np.abs(y) > BOUND) for y in want):  # where rounding grows
        return
    case.passed, saved = list(mapped), case.points
    case.points = tuple(x.copy() for x in mapped)
    try:
        got = fg.vmap(case.fun)(*mapped)
        case.same("vmap", got, want, ROUNDED, rows)
        if case.rng.random() < 0.3:
            got = fg.jit(fg.vmap(case.fun))(*mapped)
            case.same("jit of vmap", got, want, ROUNDED, rows)
        if case.rng.random() < 0.3:
            pull = lambda *points: fg.vjp(case.fun, *points)[1](case.cotangents)
            want = [np.stack(c) for c in zip(*(pull(*row) for row in rows), strict=True)]
            case.same("vmap of vjp", fg.vmap(pull)(*mapped), want, ROUNDED * 100)
    finally:
        case.points = saved


def shared(case: Case) -> None:
    """``vmap`` over one argument is a loop over that, and the others stay as they are."""
    if SCALARS.search(case.program.source) and not all(map(np.shape, case.points)):
        return
    k = int(case.rng.integers(len(case.points)))
    mapped = [x if i == k else y for i, (x, y) in enumerate(zip(lanes(case), case.points))]
    rows = [[x[row] if i == k else x for i, x in enumerate(mapped)] for row in range(2)]
    try:
        outs = [case.plain(*map(copied, row)) for row in rows]
    except Exception:
        return
    want = [np.stack(column) for column in zip(*outs, strict=True)]
    if any(np.any(np.abs(y) > BOUND) for y in want):
        return
    case.passed, saved = list(map(copied, mapped)), case.points
    case.points = tuple(mapped)
    try:
        axes = tuple(0 if i == k else None for i in range(len(mapped)))
        got = fg.vmap(case.fun, axes)(*case.passed)
        case.same("vmap over one argument", got, want, ROUNDED, rows)
    except (ConversionError, MutationError) as error:
        indexed = "write funcgrad.numpy.take" in str(error)  # a plain array, by indices of examples
        if not indexed and not BODIES.search(case.program.source):
            raise
    finally:
        case.points = saved


def copied(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def lanes(case: Case) -> list[Any]:
    """The arguments with one more axis."""
    other = [case.rng.permutation(np.ravel(x)).reshape(np.shape(x)) for x in case.points]
    return [np.stack([x, y]) for x, y in zip(case.points, other, strict=True)]


def by_one_argument(case: Case) -> None:
    """Where only one argument is traced, value and gradient are those of all of them traced."""
    k = int(case.rng.integers(len(case.points)))

    def total(*points: Any) -> Any:
        outs = case.fun(*points)
        rows = zip(outs, case.cotangents, strict=True)
        return sum(np.sum(np.real(y * ct)) for y, ct in rows), outs

    want, pull = fg.vjp(case.fun, *case.points)
    try:
        (_, outs), gradient = fg.value_and_grad(total, k, has_aux=True)(*case.given())
    except (ConversionError, MutationError):
        if BODIES.search(case.program.source):
            return
        raise
    case.same("value by one argument", outs, want, case.exact)
    case.same("gradient by one argument", [gradient], [pull(case.cotangents)[k]], ROUNDED * 100)


def second(case: Case) -> None:
    """Second derivatives: forward over reverse is reverse over reverse, and that of differences."""
    if any(np.iscomplexobj(x) for x in (*case.points, *case.want)):
        return

    def total(*points: Any) -> Any:
        outs = case.fun(*points)
        return sum(np.sum(y * ct) for y, ct in zip(outs, case.cotangents, strict=True))

    argnums = tuple(range(len(case.points)))
    gradient = fg.grad(total, argnums=argnums)
    value, along = fg.jvp(gradient, case.given(), case.tangents)
    case.untouched("jvp of grad")
    twice = fg.vjp(gradient, *case.given())[1](case.tangents)
    case.same("grad of grad", twice, along, 1e-9)
    step = 1e-5
    as_given = lambda x, y: y if isinstance(x, np.generic) else np.asarray(y)
    pairs = list(zip(case.points, case.tangents, strict=True))
    moved = [tuple(as_given(x, x + h * t) for x, t in pairs) for h in (step, -step)]
    ahead, behind = (gradient(*m) for m in moved)
    want = [(a - b) / (2 * step) for a, b in zip(ahead, behind, strict=True)]
    try:
        case.same("hessian", along, want, 1e-3)
    except DifferenceError:
        if not case.kink() and not jumps(value, ahead, behind):
            raise


def jumps(value: Any, ahead: Any, behind: Any) -> bool:
    """Whether the gradient is not straight nearby, as at a tie."""
    rows = [
        (np.abs(a - 2 * v + b), np.abs(a - b)) for v, a, b in zip(value, ahead, behind, strict=True)
    ]
    if not all(np.all(np.isfinite(bend)) for bend, _ in rows):
        return True
    return any(np.any(bend > 1e-2 * np.max(slope, initial=0) + 1e-8) for bend, slope in rows)


def in_c(case: Case) -> None:
    """A program in C gives NumPy's values, again and again; its gradient is that of eager ones."""
    if not is_told_in_c(case):
        return
    pull = lambda *points: fg.vjp(case.fun, *points)[1](case.cotangents)
    with limits_in_c(case):
        jitted = fg.jit(case.fun, backend="c")
        outs = jitted(*case.given())
        case.same("jit in C", outs, case.want, ROUNDED, [case.points])
        case.same("jit in C again", jitted(*case.given()), case.want, ROUNDED, [case.points])
        jitted(*case.like_points(x * 0.5 for x in case.program.fresh()))
        case.same("jit in C, an earlier result", outs, case.want, ROUNDED, [case.points])
        got = fg.jit(pull, backend="c")(*case.given())
    case.same("jit of vjp in C", got, pull(*case.points), ROUNDED * 100)


LAWS: list[tuple[Callable[[Case], None], float, bool]] = [
    # and the part of all programs it is tried on, and whether values must be known
    (reverse, 1.0, True),
    (compiled, 1.0, False),
    (batched, 0.6, False),
    (compiled_gradient, 0.5, False),
    (second, 0.4, True),
    (by_one_argument, 0.5, True),
    (shared, 0.3, False),
    (in_c, 0.0, False),  # by its name alone: each compiles for a third of a second
]


def check(program: Program, seed: int = 0, only: str | None = None) -> DifferenceError | None:
    """The first difference, None if there is none."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"), warnings.catch_warnings(), deadline(SECONDS):
        warnings.simplefilter("ignore")
        law: Any = None
        try:
            for law, share, known in LAWS:
                wanted = rng.random() < share
                if program.concrete and not known:
                    continue
                if wanted if only is None else law.__name__ == only:
                    law(Case(program, np.random.default_rng(seed)))
        except DifferenceError as difference:
            difference.by = law.__name__
            return difference
        except Exception as error:
            text = re.sub(r"<writes \S+>", "f", f"{type(error).__name__}: {error}")
            return DifferenceError(law.__name__, text, law.__name__)
    return None

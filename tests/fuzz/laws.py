"""The laws that hold for every program, and the check that tries them.

``compare.py`` says when two results are the same.
"""

import contextlib
import re
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np

import funcgrad as fg
from funcgrad.compile import fusion, packing, planes, product_rules, reductions
from funcgrad.core.errors import MissingDerivativeError

from .adjoint import adjoint
from .compare import (
    REFUSALS,
    RUNS,
    SPREADS,
    Case,
    DifferenceError,
    arrays,
    coarsest,
    forward,
    kind,
    product,
    wide,
)
from .in_c import in_c, transformed_in_c
from .lanes import lanes, looped
from .missed import missed
from .plain import NAMESPACE, noisy, rounding
from .programs import Program
from .wrapped import wrapped

SECONDS = 20


def values(case: Case) -> None:
    """Eager values, traced or not, are plain NumPy's, and so are shapes and dtypes."""
    again = lambda fun: fun(*case.inputs)
    case.same("eager", case.fun(*case.inputs), case.want, again)
    if case.smooth:
        some = lambda outs: [outs[i] for i in case.inexact]
        inner = case.inner(case.fun)
        again = lambda fun: some(fun(*case.inputs))
        case.same("vjp value", fg.vjp(inner, *case.points)[0], some(case.want), again)
        if forward(case):
            outs, _ = fg.jvp(inner, tuple(case.points), case.tangents)
            case.same("jvp value", outs, some(case.want), again)


def compiled(case: Case) -> None:
    """A compiled program gives what the eager one gives, and so does its derivative."""
    eager = case.fun(*case.inputs)
    jitted = fg.jit(case.fun)
    case.same("jit", jitted(*case.inputs), eager, lambda fun: fun(*case.inputs))
    case.same("jit again", jitted(*case.inputs), eager, lambda fun: fun(*case.inputs))


def compiled_gradient(case: Case) -> None:
    if not case.smooth:
        return
    back = lambda fun, *points: fg.vjp(case.inner(fun), *points)[1](case.cotangents)
    pull = lambda fun: case.precise(back(fun, *case.points))
    want = pull(case.fun)
    got = fg.jit(lambda *points: back(case.fun, *points))(*case.points)
    case.same("jit of vjp", case.precise(got), want, pull, derivative=True)
    case.same("vjp of jit", pull(fg.jit(case.fun)), want, pull, derivative=True)
    if forward(case):
        push = lambda fun: arrays(fg.jvp(case.inner(fun), tuple(case.points), case.tangents)[1])
        want = push(case.fun)
        case.same("jvp of jit", push(fg.jit(case.fun)), want, push, derivative=True)


def blocked(case: Case) -> None:
    """Blocks, threads and other ways of the compiler for big arrays change nothing."""
    options = {"threads": 2} if case.rng.random() < 0.3 else {}
    limits = (
        patch.object(fusion, "BIG", 4),
        patch.object(fusion, "BLOCK", int(case.rng.integers(1, 4))),
        patch.object(reductions, "LIMIT", 2),
        patch.object(reductions, "MANY", 1),
        patch.object(planes, "BROAD", 1),
        patch.object(planes, "LONG", 1),
        patch.object(product_rules, "STACKED", 1),
        patch.object(packing, "SMALL", 1),
    )
    eager = case.fun(*case.inputs)
    back = lambda fun, *points: fg.vjp(case.inner(fun), *points)[1](case.cotangents)
    pull = lambda fun: case.precise(back(fun, *case.points))
    with contextlib.ExitStack() as stack:
        for limit in limits:
            stack.enter_context(limit)
        got = fg.jit(case.fun, **options)(*case.inputs)
        case.same("jit in blocks", got, eager, lambda fun: fun(*case.inputs))
        if case.smooth:
            got = fg.jit(lambda *points: back(case.fun, *points), **options)(*case.points)
            case.same(
                "jit of vjp in blocks", case.precise(got), pull(case.fun), pull, derivative=True
            )


def batched(case: Case) -> None:
    """``vmap`` is a loop."""
    mapped, axes = lanes(case)
    if not mapped:
        return
    want = looped(case.fun, mapped, axes)
    got = fg.vmap(case.fun, in_axes=axes)(*mapped)
    again = lambda fun: looped(fun, mapped, axes)
    case.same("vmap", got, want, again)
    if case.rng.random() < 0.5:
        case.same("jit of vmap", fg.jit(fg.vmap(case.fun, in_axes=axes))(*mapped), want, again)


def batched_gradient(case: Case) -> None:
    mapped, axes = lanes(case)
    if not mapped or not case.smooth:
        return

    def gradient(fun: Any) -> Any:
        def pulled(*inputs: Any) -> Any:
            points = [inputs[i] for i in case.smooth]

            def inner(*points: Any) -> Any:
                values = list(inputs)
                for i, x in zip(case.smooth, points, strict=True):
                    values[i] = x
                outs = fun(*values)
                return tuple(outs[i] for i in case.inexact)

            return fg.vjp(inner, *points)[1](case.cotangents)

        return pulled

    again = lambda fun: case.precise(looped(gradient(fun), mapped, axes))
    want = again(case.fun)
    got = case.precise(fg.vmap(gradient(case.fun), in_axes=axes)(*mapped))
    case.same("vmap of vjp", got, want, again, derivative=True)


def symmetric(case: Case) -> None:
    """Second derivatives are symmetric, and forward over reverse is reverse over reverse."""
    if not case.smooth or any(kind(x) == "c" for x in case.points):
        return
    if not forward(case) or sum(np.size(x) for x in case.points) > 12:
        return
    weights = [np.abs(ct) for ct in case.cotangents]

    def scalar(fun: Any) -> Any:
        def total(*points: Any) -> Any:
            outs = case.inner(fun)(*points)
            return sum(np.sum(np.real(y * w)) for y, w in zip(outs, weights, strict=True))

        return total

    points = tuple(case.points)
    argnums = tuple(range(len(points)))
    one, two = case.tangents, tuple(case.like(x) for x in points)
    gradient = lambda fun: lambda *p: fg.grad(scalar(fun), argnums=argnums)(*p)
    along = lambda fun, t: fg.jvp(gradient(fun), points, t)[1]
    twice = lambda fun, t: fg.vjp(gradient(fun), *points)[1](t)
    precise = coarsest(case)

    floor = product(gradient(case.fun)(*points), one, magnitude=True)  # a Hessian of 0 is rounded

    def numbers(fun: Any, pairs: Any) -> list[np.ndarray]:
        terms = [(product(a, b), product(a, b, magnitude=True)) for a, b in pairs(fun)]
        return [np.array([term, size + floor], precise) for term, size in terms]

    forwards = lambda fun: [(two, along(fun, one)), (two, along(fun, one))]
    others = lambda fun: [(one, along(fun, two)), (one, twice(fun, two))]
    want, got = numbers(case.fun, forwards), numbers(case.fun, others)
    got = [np.array([g[0], w[1]], precise) for g, w in zip(got, want, strict=True)]
    case.same("hessian", got, want, lambda fun: numbers(fun, forwards), derivative=True)
    if case.rng.random() < 0.5:
        again = lambda fun: case.precise(along(fun, one))
        compiled = fg.jit(lambda *p: fg.jvp(gradient(case.fun), p, one)[1])(*points)
        case.same("jit of hessian", case.precise(compiled), again(case.fun), again, derivative=True)


def differences(case: Case) -> None:
    """A derivative is the limit of differences, where these tell: in float64, away from jumps."""
    arrays_ = [*case.points, *(case.want[i] for i in case.inexact)]
    names = set(
        re.findall(r"float16|float32|complex64|stop_gradient|nextafter", case.program.source)
    )
    if not case.smooth or names or not all(wide(x) == np.asarray(x).dtype for x in arrays_):
        return
    if not forward(case) or not all(np.all(np.abs(x) < 1e6) for x in case.points):
        return
    case.points = [x + 0.01 * case.like(x) for x in case.points]  # off ties, whole numbers and 0
    inner = case.inner(case.plain)
    push = lambda: arrays(fg.jvp(case.inner(case.fun), tuple(case.points), case.tangents)[1])
    at = lambda h: arrays(
        inner(*(x + h * t for x, t in zip(case.points, case.tangents, strict=True)))
    )
    try:
        middle = at(0.0)
    except REFUSALS as error:
        return refused(push, type(error))
    slopes, step = push(), 1e-5
    # the third step is far less: else many jumps within a step would not show
    near, far, tiny = ((at(h), at(-h)) for h in (step, 2 * step, 0.00618 * step))
    for i, slope in enumerate(slopes):
        ahead, behind = (near[0][i] - middle[i]) / step, (middle[i] - near[1][i]) / step
        central, wider, other = (
            (high[i] - low[i]) / (2 * factor * step)
            for factor, (high, low) in ((1, near), (2, far), (0.00618, tiny))
        )
        known = np.isfinite(slope) & np.isfinite(central) & np.isfinite(wider) & np.isfinite(ahead)
        known &= (
            np.isfinite(behind) & np.isfinite(other) & (np.abs(slope) * step < 1e-2)
        )  # else it may jump between
        scale = np.max(np.abs(middle[i]), initial=0, where=np.isfinite(middle[i]))
        rounding = 1e-13 * (scale + 1) / step
        bend = 3 * np.abs(ahead - behind) + 3 * np.abs(wider - central) + 1e-6 * np.abs(central)
        bend += 3 * np.abs(other - central)
        if np.any(known & (np.abs(slope - central) > bend + rounding)):
            spread = noise_of(case, i)
            if np.any(
                known & (np.abs(slope - central) > bend + rounding + SPREADS * spread / step)
            ):
                text = f"output {i}\njvp {slope!r}\ndifferences {central!r}"
                raise DifferenceError("differences", text)
            case.explained.append("differences")


def refused(run: Callable[[], Any], kind: type[Exception]) -> None:
    """Raise unless the library refuses what NumPy refuses."""
    try:
        run()
    except kind:
        return
    raise DifferenceError("differences", f"NumPy raises {kind.__name__}, the library does not")


def noise_of(case: Case, place: int) -> Any:
    """Return how far rounding moves an output: that of each line, and within lines."""
    seeds, points = range(1, RUNS + 1), tuple(case.points)
    value = lambda fun: arrays(case.inner(fun)(*points))[place]
    outs = [value(case.program.function(noisy(NAMESPACE, s), noisy=True)) for s in seeds]
    for seed in seeds:
        with rounding(seed):  # of traced values: NumPy's own are not rounded anew
            outs.append(arrays(fg.jvp(case.inner(case.fun), points, case.tangents)[0])[place])
    return np.max([np.abs(out - value(case.plain)) for out in outs], axis=0)


LAWS: list[tuple[Callable[[Case], None], float]] = [  # and the part of all programs it is tried on
    (values, 1.0),
    (compiled, 1.0),
    (adjoint, 1.0),
    (batched, 0.6),
    (compiled_gradient, 0.6),
    (blocked, 0.4),
    (differences, 0.6),
    (batched_gradient, 0.4),
    (symmetric, 0.4),
    (missed, 0.05),
    (wrapped, 0.05),
    (in_c, 0.01),  # each compiles for half a second
    (transformed_in_c, 0.0),
]


def check(
    program: Program, seed: int = 0, strict: bool = False, only: str | None = None
) -> tuple[DifferenceError | None, list[str]]:
    """Return the first difference, and the laws whose differences were ill-conditioned.

    Args:
        only: the name of a law to be tried alone, whatever its share.
    """
    rng = np.random.default_rng(seed)
    explained: list[str] = []
    with np.errstate(all="ignore"), warnings.catch_warnings(), deadline(SECONDS):
        warnings.simplefilter("ignore")
        law: Any = None
        try:
            for law, share in LAWS:
                wanted = rng.random() < share
                if wanted if only is None else law.__name__ == only:
                    case = Case(program, np.random.default_rng(seed), strict, explained)
                    law(case)
        except DifferenceError as difference:
            difference.by = law.__name__
            return difference, explained
        except MissingDerivativeError as error:
            if "custom_vjp" not in program.source:  # else a rule of custom_jvp pushes through it
                return DifferenceError(law.__name__, str(error), law.__name__), explained
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            return DifferenceError(law.__name__, text, law.__name__), explained
    return None, explained


@contextlib.contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in a program that does not end: by processor time, or that it waits for.

    On a busy machine a program takes longer by the clock, which is no fault of its own.
    """

    def late(*_: Any) -> None:
        raise TimeoutError("took too long")

    before = [(s, signal.signal(s, late)) for s in (signal.SIGPROF, signal.SIGALRM)]
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(10 * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        for number, handler in before:
            signal.signal(number, handler)

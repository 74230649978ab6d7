"""The laws: each runs a program in two ways, and says where they differ.

A difference counts when it is larger than what rounding explains. Most numbers agree to a few
units in the last place; where they do not, the program runs again with every intermediate value
changed by four units in its last place (``plain.noise``), and a difference within 32 times the
spread of those runs is that of an ill-conditioned program. No tolerance is wider for all.
Equal values change equally at first, so that ties stay ties; a second set of runs, which breaks
them, explains only what is small. In these runs each sum and product within the library, and so
within its derivatives, is rounded anew: so terms that cancel show their size, which the result
does not.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from funcgrad.core.avals import aval_of

from .plain import NAMESPACE, TRACED, noisy, rounding
from .programs import Program

ULPS = 64  # reordered sums over up to 60 elements, and a few functions good to 4 units
RUNS, SPREADS = 4, 32
REFUSALS = (np.linalg.LinAlgError, IndexError)  # of a point, which of another are none


@dataclass
class DifferenceError(Exception):
    """Two ways of running a program that do not agree."""

    law: str
    detail: str
    by: str = ""  # the function below that found it

    @property
    def kind(self) -> str:
        """Return what is the same for all failures of one cause: the law and the error's words."""
        head = re.sub(r"[\[(].*?[\])]", "", self.detail.splitlines()[0])
        return f"{self.law}: {re.sub(r'[0-9.]+', '#', head)[:90]}"


@dataclass
class Case:
    """A program, its point, and random directions there."""

    program: Program
    rng: np.random.Generator
    strict: bool = False  # compare derivatives at entries that are not finite too
    explained: list[str] = field(default_factory=list)
    subnormals: bool = True  # compare numbers below the least normal one

    def __post_init__(self) -> None:
        self.inputs = self.program.inputs
        self.plain = self.program.function(NAMESPACE)
        self.fun = self.program.function(TRACED)
        self.want = self.plain(*self.inputs)
        # decompositions add terms of the size of the tangents, which may cancel
        self.cancels = float(np.finfo("f8").eps if "linalg" in self.program.source else 0.0)
        self.smooth = [i for i, x in enumerate(self.inputs) if kind(x) in "fc"]
        self.points = [self.inputs[i] for i in self.smooth]
        self.inexact = [
            i for i, y in enumerate(self.want) if kind(y) in "fc" and hasattr(y, "dtype")
        ]
        self.tangents = tuple(self.like(x) for x in self.points)
        self.cotangents = tuple(self.like(self.want[i]) for i in self.inexact)

    def like(self, x: Any) -> Any:
        """Return a random direction of the shape and dtype of a value."""
        if isinstance(x, float | complex) and not isinstance(x, np.generic):
            return float(self.rng.normal())
        x = np.asarray(x)
        t = self.rng.normal(size=x.shape)
        if x.dtype.kind == "c":
            t = t + 1j * self.rng.normal(size=x.shape)
        return np.asarray(t).astype(x.dtype)

    def inner(self, fun: Callable[..., Any]) -> Callable[..., Any]:
        """Return the program as a function of its inexact inputs to its inexact outputs."""

        def of_points(*points: Any) -> tuple[Any, ...]:
            values = list(self.inputs)
            for i, x in zip(self.smooth, points, strict=True):
                values[i] = x
            outs = fun(*values)
            return tuple(outs[i] for i in self.inexact)

        return of_points

    def precise(self, values: Any) -> list[np.ndarray]:
        """Return (co)tangents of the points, those of Python scalars as precise as the rest.

        A Python scalar takes the dtype of the arrays that it meets.
        """
        rows = zip(values, self.points, strict=True)
        low = lambda y, x: np.asarray(y, coarsest(self)) if aval_of(x).weak else np.asarray(y)
        return [low(y, x) for y, x in rows]

    def runs(self, inputs: Any) -> bool:
        """Return whether plain NumPy takes other values: of some, LAPACK finds no decomposition."""
        try:
            self.plain(*inputs)
        except REFUSALS:
            return False
        return True

    def same(
        self, law: str, got: Any, want: Any, again: Callable[[Any], Any], derivative: bool = False
    ) -> None:
        """Raise if two lists of arrays differ by more than the noise of computing the second.

        Args:
            again: computes ``want`` from another version of the program's function.
        """
        got, want = list(got), list(want)
        assert len(got) == len(want)
        bad = [
            i
            for i, pair in enumerate(zip(got, want, strict=True))
            if not self.close(law, *pair, derivative)
        ]
        if not bad:
            return
        spread, moved = self.spread(want, again, ties=True)
        broken, _ = self.spread(want, again, ties=False)
        for i in bad:
            allowed = SPREADS * spread[i] + np.minimum(SPREADS * broken[i], small(want[i]))
            allowed = np.max(allowed, initial=0) if derivative else allowed
            if not self.close(law, got[i], want[i], derivative, allowed, moved[i]):
                raise DifferenceError(law, f"output {i} differs\ngot  {got[i]!r}\nwant {want[i]!r}")
        self.explained.append(law)

    def spread(
        self, want: Any, again: Any, ties: bool
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return how far noise moves each element, and which are finite in some runs only.

        Args:
            ties: equal values change equally; else all change, and each operation is rounded anew.
        """
        spread = [np.zeros(np.shape(y)) for y in want]
        moved = [np.zeros(np.shape(y), bool) for y in want]
        for seed in range(1, RUNS + 1):
            fun = self.program.function(noisy(TRACED, seed, ties), noisy=True)
            with contextlib.nullcontext() if ties else rounding(seed):
                runs = again(fun)
            for i, (y, z) in enumerate(zip(want, runs, strict=True)):
                finite = np.isfinite(y) & np.isfinite(z)
                moved[i] |= ~(finite | same_special(y, z))
                difference = np.abs(np.subtract(z, y, dtype=wide(y)))
                spread[i] = np.maximum(spread[i], np.where(finite, difference, 0))
        return spread, moved

    def close(
        self,
        law: str,
        got: Any,
        want: Any,
        derivative: bool,
        allowed: Any = 0.0,
        moved: Any = False,
    ) -> bool:
        """Return whether two arrays agree; dtypes and shapes must."""
        a, b = np.asarray(got), np.asarray(want)
        if a.dtype != b.dtype or a.shape != b.shape:
            raise DifferenceError(
                law, f"aval {a.dtype}{a.shape} is not {b.dtype}{b.shape}\n{a!r}\n{b!r}"
            )
        if a.dtype.kind not in "fc":
            return bool(np.all((a == b) | moved)) if not np.any(moved) else True
        finite = np.isfinite(a) & np.isfinite(b)
        same = np.isfinite(a) == np.isfinite(b) if derivative else same_special(a, b)
        special = finite | same | moved
        if not special.all() and not (derivative and not self.strict):
            return False
        a, b = a.astype(wide(a)), b.astype(wide(b))
        info = np.finfo(np.asarray(want).dtype)
        scale = np.maximum(np.abs(a), np.abs(b))
        if derivative:  # entries of one array share the magnitude of the terms that were summed
            scale = np.max(scale, initial=0, where=finite)
        least = info.smallest_subnormal if self.subnormals else info.tiny
        floor = self.cancels * derivative + least
        limit = ULPS * (info.eps * scale + floor) + allowed
        return bool(np.all(~finite | moved | (np.abs(a - b) <= limit)))


def small(x: Any) -> float:
    """Return what rounding may amount to where terms cancel: far less than a tie taken wrongly."""
    x = np.asarray(x)
    if x.dtype.kind not in "fc":
        return 0.0
    scale = np.max(np.abs(x), initial=1.0, where=np.isfinite(x))
    return float(np.sqrt(np.finfo(x.dtype).eps) * scale)


def kind(x: Any) -> str:
    return np.asarray(x).dtype.kind


def wide(x: Any) -> np.dtype:
    return np.promote_types(np.asarray(x).dtype, "f8")


def same_special(a: Any, b: Any) -> np.ndarray:
    """Return where both are nan, or the same infinity."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):  # a complex infinity has many forms
        return ~np.isfinite(a) & ~np.isfinite(b)
    return (np.isnan(a) & np.isnan(b)) | (a == b)


def coarsest(case: Case) -> np.dtype:
    """Return the dtype of the least precision among the values, as a real one."""
    names = re.findall(r"float16|float32|complex64", case.program.source)
    dtypes = [np.asarray(x).dtype for x in (*case.inputs, *case.want)]
    dtypes = [np.dtype(name) for name in names] + [d for d in dtypes if d.kind in "fc"]
    worst = max(dtypes, key=lambda d: np.finfo(d).eps)
    return np.finfo(worst).dtype


def arrays(outs: Any) -> list[np.ndarray]:
    return [np.asarray(x) for x in outs]


def product(left: Any, right: Any, magnitude: bool = False) -> float:
    """Return the real inner product of two lists of arrays, zeros leaving out what they meet."""
    total = 0.0
    for a, b in zip(left, right, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        wide_ = np.promote_types(wide(a), wide(b))
        terms = np.real(np.where((a == 0) | (b == 0), 0, a.astype(wide_) * b.astype(wide_)))
        total += float(np.sum(np.abs(terms) if magnitude else terms))
    return total


def basis(values: Any) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield the unit vectors of a list of arrays; complex ones have a second kind."""
    for i, x in enumerate(values):
        for place in range(np.size(x)):
            for one in (1.0, 1j) if kind(x) == "c" else (1.0,):
                parts = [np.zeros_like(np.asarray(y)) for y in values]
                parts[i].flat[place] = one
                yield tuple(parts)


def forward(case: Case) -> bool:
    """Return whether the program has forward derivatives: a rule of reverse mode has none."""
    return "custom_vjp" not in case.program.source


def print_kinds(found: Sequence[tuple[int, DifferenceError]], smaller: Callable[..., Any]) -> int:
    """Print one program for each kind of difference, and return the number of kinds.

    ``smaller``: number, difference -> the program to print, and how it differs.
    """
    kinds: dict[str, list[tuple[int, DifferenceError]]] = {}
    for number, difference in sorted(found, key=lambda pair: pair[0]):
        kinds.setdefault(difference.kind, []).append((number, difference))
    for kind, cases in kinds.items():
        number, difference = cases[0]
        made, difference = smaller(number, difference)
        others = [other for other, _ in cases[1:6]]
        print(f"\n# program {number}, {kind}: {len(cases)} times, also {others}")
        print(f"{made.text}\n# {difference.detail}"[:3000])
    return len(kinds)

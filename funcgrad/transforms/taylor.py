"""Taylor mode: each tracer has the coefficients of a curve, and operations extend them.

The curve of an operand is x(t) = x[0] + x[1] t + x[2] t**2 + ..., and y(t) = f(x(t)). Few
operations have a rule for it. One that is linear applies to each coefficient; one that is linear in
each of its operands gives Cauchy products. Any other has a jvp, y' = J(x, y) x', which is itself a
function of curves: its coefficient k - 1 is k y[k], and depends on no coefficient of y beyond
y[k-1]. So the coefficients below k give the next one, by k products for each product in the jvp.

Source: Griewank & Walther 2008, "Evaluating Derivatives", chapter 13; that the derivative of a
function is enough is section 13.2 (equation 13.15).
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from typing_extensions import override

from ..core import tree
from ..core.avals import PYTHON_SCALARS, aval_of, dtype_of, is_inexact
from ..core.buffers import returned, settled
from ..core.companions import NO_JOINT_RULES
from ..core.floating import without_warnings
from ..core.memory import is_walked
from ..core.ownership import apart
from ..core.series import Curve, convolution, square
from ..core.trace import MARK, ConcreteTracer, Primitive, Trace, Tracer, running
from ..ops.families import Elementwise
from ..ops.structure import zeros_like
from .arguments import check_alive
from .seeds import params_for_trace

# k -> coefficient k of each output, None for zero
TermRule: TypeAlias = Callable[[int], Sequence[Any]]


class TaylorTracer(ConcreteTracer):
    """A ``value`` and the ``curve`` that begins with it."""

    __slots__ = ()
    curve = MARK
    _uses = ("value", "_note")

    def __init__(self, trace: "Taylor", value: Any, curve: Curve) -> None:
        self._trace = trace
        self.value = value
        self._mark = curve
        self._note = trace.count
        self._memory = None


class Taylor(Trace):
    """Compute the coefficients of each result up to ``degree``; if that is None, when asked."""

    __slots__ = ("degree", "made", "memo")

    def __init__(
        self,
        origin: object,
        degree: int | None = None,
        masked: bool = False,
        for_rule: bool = False,
    ) -> None:
        super().__init__(origin, masked)
        self.degree = degree
        # of a rule, its operations: sin and cos are in the jvp of one another
        self.memo: dict[Any, Any] | None = {} if for_rule else None
        self.made: list[Application] = []  # in order, where coefficients are computed when asked

    @override
    def position(self, x: Any) -> int:
        return x._note

    def curve(self, x: Any) -> Curve | None:
        """The curve of a tracer; None for a constant."""
        mine = isinstance(x, TaylorTracer) and x._trace is self
        return x.curve if mine else None

    def split(self, x: Any) -> tuple[Any, Curve | None]:
        """The value and the curve; that of a constant is None."""
        if (curve := self.curve(x)) is not None:
            return x.value, curve
        return (settled(x) if isinstance(x, Tracer) else x), None

    def join(self, value: Any, curve: Curve | None) -> Any:
        """The inverse of ``split``."""
        return value if curve is None or curve.is_constant else TaylorTracer(self, value, curve)

    def term(self, x: Any, k: int) -> Any:
        """Coefficient k of a value."""
        if (curve := self.curve(x)) is not None:
            return curve[k]
        return x if k == 0 else None

    def derivative(self, x: Any) -> Any:
        """The derivative of a value along its curve; None of a constant."""
        if (curve := self.curve(x)) is None:
            return None
        key = "derivative", id(curve)
        if self.memo is None or key not in self.memo:
            first = curve[1]
            found = Curve([first])

            def extend() -> None:
                k = len(found.terms) + 1
                found.terms.append(None if curve[k] is None else curve[k] * k)

            found.extend = extend
            t = TaylorTracer(self, zeros_like(x) if first is None else first, found)
            if self.memo is None:
                return t
            self.memo[key] = [t], curve
        return self.memo[key][0][0]

    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        self.count += 1
        if self.memo is None:
            return self.apply(prim, args, params)
        key = self.key(prim, args, params)
        if key not in self.memo:
            self.note(prim, args, params, self.apply(prim, args, params))
        return self.memo[key][0]

    def key(self, prim: Primitive, args: Sequence[Any], params: dict) -> Any:
        return prim, *map(self.identity, args), *params.values()

    def note(self, prim: Primitive, args: Any, params: dict, outs: Sequence[Any]) -> None:
        """Keep the results of an operation; the identities hold while the operands live."""
        if self.memo is not None:
            self.memo[self.key(prim, args, params)] = outs, args

    def identity(self, x: Any) -> Any:
        """The identity of an operand of a rule."""
        if isinstance(x, TaylorTracer) and x._trace is self:
            return id(x.curve)
        return (type(x), x) if type(x) in PYTHON_SCALARS else id(x)

    def apply(self, prim: Primitive, args: Sequence[Any], params: dict) -> Sequence[Any]:
        if prim.joint.value_and_series is not None:
            return self.apply_program(prim, args, params)
        if prim.joint is not NO_JOINT_RULES:
            params = params_for_trace(self, params)
        pairs = [self.split(x) for x in args]
        values = [x for x, _ in pairs]
        outs = prim.bind(*values, **params)
        if not prim.differentiable:
            return outs
        if prim.holds.is_open and any(self.curve(y) is not None for y in outs):
            consts, params = prim.holds.close(self, *map(aval_of, args), **params)
            return self.apply(prim, (*consts, *args), params)
        application = self.application(prim, params, values, [c for _, c in pairs], outs)
        application.follow(self)
        return [self.join(y, c) for y, c in zip(outs, application.found, strict=True)]

    def application(self, *parts: Any) -> "Application":
        made = Application(*parts)
        if self.degree is None:
            self.made.append(made)
        return made

    def apply_program(self, prim: Primitive, args: Sequence[Any], params: dict) -> Sequence[Any]:
        """Apply a primitive that computes its outputs and their coefficients jointly."""
        params = params_for_trace(self, params)
        if self.degree is None and prim.decompose is not None:
            return prim.decompose(*args, **params)
        values, curves = zip(*map(self.split, args), strict=True)

        def run(order: int) -> tuple[Sequence[Any], Sequence[Any]]:
            ks = range(1, order + 1)
            terms = [None if c is None else [c[k] for k in ks] for c in curves]
            return prim.joint.value_and_series(values, terms, order, **params)

        if self.degree is not None:
            pairs = zip(*run(self.degree), strict=True)
            return [self.join(y, None if ts is None else Curve([y, *ts])) for y, ts in pairs]
        outs = prim.bind(*values, **params)
        application = self.application(prim, params, values, curves, outs)
        last = lambda k: [None if ts is None else ts[k - 1] for ts in run(k)[1]]
        application.extend_by(last)
        return [self.join(y, c) for y, c in zip(outs, application.found, strict=True)]

    @override
    def late(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        """In the backward pass of an outer tape, take the value of a tracer that a rule holds."""
        pairs = [self.split(x) for x in args]
        if not any(is_walked(x) for x, curve in pairs if curve is not None):
            self.alive(args)
        return prim.bind(*(x for x, _ in pairs), **params)

    def close(self) -> None:
        """Drop the rules of the operations, which refer to one another."""
        for application in self.made:
            application.close()
        for outs, _ in (self.memo or {}).values():
            for curve in filter(None, map(self.curve, outs)):
                curve.extend = None  # also of a derivative
        self.made, self.memo = [], {}


def way_of(prim: Primitive, moving: frozenset[int], params: dict[str, Any]) -> str:
    """How the coefficients of the outputs are found from those of the operands that move."""
    if prim.joint.value_and_series is not None:
        return "program"
    if prim.is_linear(moving, **params):
        return "linear"
    if prim.series.recurrence is not None:
        return "recurrence"
    if all(prim.is_linear(frozenset({i}), **params) for i in moving):
        return "product"
    return "jvp" if prim.series.simpler is None else "simpler"


class Application:
    """An operation on curves: its operands, and the curves that it has ``found``."""

    def __init__(
        self,
        prim: Primitive,
        params: dict[str, Any],
        values: Sequence[Any],
        curves: Sequence[Curve | None],
        outs: Sequence[Any],
    ) -> None:
        self.prim, self.params, self.values, self.curves = prim, params, values, curves
        self.outs = outs
        self.inside: Taylor | None = None  # the trace of the operations of its jvp
        self.found = [Curve([y]) if is_inexact(dtype_of(y)) else None for y in outs]

    def extend_by(self, rule: TermRule) -> None:
        """Let a rule extend the curves that are found."""
        mine = [c for c in self.found if c is not None]

        def extend() -> None:
            terms = rule(len(mine[0].terms))
            for curve, term in zip(self.found, terms, strict=True):
                if curve is not None:
                    curve.terms.append(term)

        for curve in mine:
            curve.extend = extend

    def follow(self, trace: Taylor) -> None:
        """Extend the curves, up to the degree of the trace, or when asked."""
        inside = trace
        if trace.memo is None:
            inside = self.inside = Taylor(trace.origin, None, trace.masked, for_rule=True)
        self.extend_by(self.rule(inside))
        if trace.degree is not None:
            self.reach(trace.degree)
            self.close()

    def reach(self, k: int) -> None:
        """Compute the coefficients up to k."""
        for curve in self.found:
            if curve is not None:
                without_warnings(curve.__getitem__, k)

    def close(self) -> None:
        """Drop the rule."""
        for curve in self.found:
            if curve is not None:
                curve.extend = None
        if self.inside is not None:
            self.inside.close()

    def rule(self, inside: Taylor) -> TermRule:
        """The rule of the operation; operations of its jvp are applied in the trace ``inside``."""
        moving = frozenset(i for i, c in enumerate(self.curves) if c is not None)
        way = way_of(self.prim, moving, self.params)
        if way == "simpler":
            xs = map(inside.join, self.values, self.curves)
            outs = self.prim.series.simpler(*xs, **self.params)
            if outs is not None:
                return lambda k: [inside.term(y, k) for y in outs]
        if way in ("simpler", "jvp"):
            return self.integral(inside)
        if way == "recurrence" and (first := self.prim.series.rule_from) > 1:
            by_jvp = self.integral(inside)
            return lambda k: self.recur(k) if k >= first else by_jvp(k)
        return {"linear": self.linear, "product": self.product, "recurrence": self.recur}[way]

    def linear(self, k: int) -> Sequence[Any]:
        ts = [None if c is None else c[k] for c in self.curves]
        if all(t is None for t in ts):
            return [None] * len(self.outs)
        return self.tangents(self.values, ts, self.outs)

    def tangents(self, primals: Sequence[Any], ts: Sequence[Any], outs: Any) -> Sequence[Any]:
        if self.prim.joint.value_and_jvp is not None:
            return self.prim.joint.value_and_jvp(primals, ts, **self.params)[1]
        return self.prim.jvp(primals, ts, outs, **self.params)

    def recur(self, k: int) -> Sequence[Any]:
        xs = [Curve([x]) if c is None else c for x, c in zip(self.values, self.curves, strict=True)]
        return self.prim.series.recurrence(k, xs, self.found, **self.params)

    def product(self, k: int) -> Sequence[Any]:
        """The sum of the products of coefficients i, j, ... with i + j + ... = k."""
        places = [i for i, c in enumerate(self.curves) if c is not None]
        curves = [c for c in self.curves if c is not None]
        values = list(self.values)

        def apply(*terms: Any) -> Any:
            for i, x in zip(places, terms, strict=True):
                values[i] = x
            return self.prim.bind(*values, **self.params)[0]

        if isinstance(self.prim, Elementwise) and curves[0] is curves[-1]:
            return (square(apply, curves[0], k),)
        return (convolution(apply, curves, k),)

    def integral(self, inside: Taylor) -> TermRule:
        """Coefficient k of y from coefficient k - 1 of y' = J(x, y) x'."""
        ts: list[Any] = []

        def rule(k: int) -> Sequence[Any]:
            if not ts:
                xs = list(map(inside.join, self.values, self.curves))
                ys = list(map(inside.join, self.outs, self.found))
                inside.note(self.prim, xs, self.params, ys)
                ts.extend(self.tangents(xs, list(map(inside.derivative, xs)), ys))
            terms = [None if t is None else inside.term(t, k - 1) for t in ts]
            return [x if x is None or k == 1 else x / k for x in terms]

        return rule


def push_series(
    origin: object,
    fun: Callable[..., Any],
    primals: Sequence[Any],
    terms: Sequence[Any],
    order: int,
    masked: bool = False,
) -> tuple[list[Any], list[Any], tree.TreeDef]:
    """Run ``fun`` on leaves with the coefficients 1 to ``order`` of each, None for a constant.

    Returns the leaves of its output, their coefficients, and the structure of the output.
    """
    trace = Taylor(origin, order, masked)
    before = running.get()
    try:
        running.set(trace)
        inputs = [
            trace.join(x, None if ts is None else Curve([x, *ts]))
            for x, ts in zip(primals, terms, strict=True)
        ]
        leaves, treedef = tree.flatten(fun(inputs))
        pairs = [trace.split(returned(check_alive(y))) for y in leaves]
    finally:
        running.set(before)
        trace.dead = True
    outs = [apart(y, primals) for y, _ in pairs]
    return (
        outs,
        [None if c is None else [c[k] for k in range(1, order + 1)] for _, c in pairs],
        treedef,
    )


def flow(
    origin: object, fun: Callable[[list[Any]], Sequence[Any]], xs: Sequence[Any], order: int
) -> list[list[Any]]:
    """The coefficients 0 to ``order`` of the curves through ``xs`` with x' = fun(x); None is zero.

    ``fun`` runs once: coefficient k of x' gives that of x after it.
    Source: Jorba & Zou 2005, "A software package for the numerical integration of ODEs by means of
    high-order Taylor methods", section 2.2 (Experimental Mathematics 14).
    """
    trace = Taylor(origin)
    before = running.get()
    curves = [Curve([x], _ask_in_order) for x in xs]
    try:
        running.set(trace)
        slopes = list(map(check_alive, fun(list(map(trace.join, xs, curves)))))
        for k in range(order):
            for application in trace.made:  # in order: a long program is no deep recursion
                application.reach(k)
            for curve, slope in zip(curves, slopes, strict=True):
                term = trace.term(slope, k)
                curve.terms.append(term if term is None or k == 0 else term / (k + 1))
    finally:
        running.set(before)
        trace.dead = True
        trace.close()
    return [c.terms for c in curves]


def _ask_in_order() -> None:
    raise AssertionError("a coefficient was asked before those below it were found")

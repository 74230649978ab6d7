"""Custom rules that close over traced values, as programs with these values for operands.

A staged program outlives the traced values around it, and so does a rule that it holds. Values
that such a rule closes over become operands of the call, like those that the function closes over.
A rule that closes over no traced value stays a function, and runs when a transform needs it.
"""

import copy
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import MethodType
from typing import Any, cast

from typing_extensions import override

from ...core import tree
from ...core.avals import Aval, aval_of, is_arraylike
from ...core.errors import ConcretizationError
from ...core.jaxpr import ClosedJaxpr, Eqn, Jaxpr, Var, constants_as_inputs, eval_jaxpr
from ...core.lists import split_list
from ...core.trace import Primitive, Tracer
from ..jaxprs import innermost_serial, instantiate_zeros, is_linearizing, tangent_avals
from ..partial_eval import PartialEval, partial_eval_jaxpr
from ..seeds import Staged
from ..staging import Staging, stage, staged_in

# custom rules that are being staged: a rule that calls its own function is not staged again
_under_way: ContextVar[tuple[Any, ...]] = ContextVar("rules_under_way", default=())


class Program(Staged):
    """A staged function, called like the function itself."""

    def __init__(self, jaxpr: Jaxpr) -> None:
        self.jaxpr = jaxpr

    @override
    def masked(self, change: Callable[[Jaxpr], Jaxpr]) -> "Program":
        return Program(change(self.jaxpr))

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        return eval_jaxpr(self.jaxpr, (), args)


def padded(jaxpr: Jaxpr, avals: Sequence[Aval]) -> Jaxpr:
    """The program with unread inputs in front."""
    return Jaxpr((*map(Var, avals), *jaxpr.invars), (), jaxpr.eqns, jaxpr.outvars)


def labelled(rule: Callable[..., Any], base: Any, name: str, tie: Any = None) -> None:
    """Attach to a rule the user's rule that it wraps, and the tie of its call."""
    rule.__name__ = name
    rule.base, rule.tie = base, tie  # type: ignore[attr-defined]


class ClosedRule(Staged):
    """A rule as programs, whose first ``count`` operands are the values that it closed over."""

    def __init__(self, rule: Any) -> None:
        self.__name__, self.base, self.tie = rule.__name__, rule.base, rule.tie
        self.count = 0
        self.twin: Any = None  # the rule with masks

    @override
    def masked(self, change: Callable[[Jaxpr], Jaxpr]) -> Any:
        if self.twin is None:
            self.twin = twin = copy.copy(self)
            twin.twin = twin
            twin.change(change)  # its programs may call it
        return self.twin

    def change(self, change: Callable[[Jaxpr], Jaxpr]) -> None:
        """Apply ``change`` to the programs."""
        raise NotImplementedError


class ClosedJvp(ClosedRule):
    """``consts, primals, tangents -> outs, tangents``; the unknown part is the linear one."""

    cut: PartialEval
    linear: Jaxpr  # the unknown part without masks, which has a transpose
    outs: int

    @override
    def change(self, change: Callable[[Jaxpr], Jaxpr]) -> None:
        first, second = change(self.cut.known), change(self.cut.unknown)
        self.cut = self.cut._replace(known=first, unknown=second)

    def __call__(self, consts: Any, primals: Any, tangents: Any) -> tuple[Any, Any]:
        invariant = eval_jaxpr(self.cut.invariant, (), primals)
        outs = eval_jaxpr(self.cut.known, (), [*consts, *invariant, *primals])
        available = {"in": primals, "invariant": invariant, "out": outs, "const": consts}
        saved = self.cut.residuals(available)
        programs = [cast(Staging, x._trace) for x in map(staged_in, tangents) if x is not None]
        linear = any(program.transposed for program in programs)
        unknown = self.linear if linear else self.cut.unknown
        ts = eval_jaxpr(unknown, (), [*consts, *saved, *tangents])
        return outs[: self.outs], ts


class ClosedVjp(ClosedRule):
    """``fwd : consts, ins -> outs, residuals``, and ``bwd : consts, residuals, cts -> cts``."""

    first: Jaxpr
    second: Jaxpr
    outs: int
    has_cotangent: list[bool]  # for which operands the rule gives cotangents

    @override
    def change(self, change: Callable[[Jaxpr], Jaxpr]) -> None:
        self.first, self.second = change(self.first), change(self.second)

    def fwd(self, consts: Any, *ins: Any) -> tuple[Any, Any]:
        outs, saved = split_list(eval_jaxpr(self.first, (), [*consts, *ins]), self.outs)
        return outs, saved

    def bwd(self, consts: Any, saved: Any, cts: Any) -> list[Any]:
        found = iter(eval_jaxpr(self.second, (), [*consts, *saved, *cts]))
        return [next(found) if g else None for g in self.has_cotangent]


class Taken:
    """Take all operations on closed-over values, and note whether there are ``some``.

    Their results may have no use, and the values be no constants of the rule.
    """

    def __init__(self) -> None:
        self.some = False

    def __call__(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> bool:
        self.some = True
        return True


def opened(rule: Any, ins: Sequence[Any]) -> tuple[Any, list[Any]]:
    """A rule applied to the values that it closed over, and these values."""
    if not isinstance(rule, ClosedJvp):
        return rule, []
    consts = list(ins[: rule.count])
    return functools.partial(rule, consts), consts


def both_parts(fwd: Any, bwd: Any, ins: Sequence[Any]) -> tuple[Any, Any, list[Any]]:
    """Both parts of a rule as functions of the values they close over, and these values."""
    if isinstance(fwd, ClosedVjp):
        return fwd.fwd, bwd.bwd, list(ins[: fwd.count])
    return lambda _, *xs: fwd(*xs), lambda _, *xs: bwd(*xs), []


def closed_jvp(
    prim: Primitive, rule: Callable[..., Any], avals: Sequence[Aval], count: int
) -> tuple[tuple[Any, ...], Any]:
    """The traced values that a rule ``(primals, tangents) -> outs, tangents`` closes over, and it.

    Args:
        prim: the primitive that has the rule.
        rule: a function of leaves.
        avals: the avals of its primals.
        count: the number of its outputs.
    """

    def both(xs: list[Any], ts: list[Any]) -> tuple[Any, Any]:
        outs, got = rule(xs, ts)
        return values_of(rule, xs, outs, ts), got

    n = len(avals)
    kept = [True] * n, [True] * count
    seeds = tangent_avals(avals, [True] * n)
    stages = functools.partial(
        partial_eval_jaxpr, rule.__name__, avals, seeds, both, kept, [False] * n
    )
    taken = Taken()
    cut = _staged(rule, lambda takes: stages(takes=takes), taken)
    if cut is None:
        return (), rule
    values = [x for kind, x in cut.sources if kind == "value"]
    consts = (*cut.consts, *values)
    if not (taken.some or any(isinstance(x, Tracer) for x in consts)):
        return (), rule
    found = ClosedJvp(rule)
    found.count, found.outs = len(consts), count
    k = len(cut.consts)
    own, rest = split_list(cut.known.invars, k)
    first = Jaxpr(tuple(rest), (), cut.known.eqns, cut.known.outvars)
    here = (*own, *(Var(aval_of(x)) for x in values))
    places = iter(range(k, len(consts)))
    sources = [("const", next(places)) if kind == "value" else (kind, x) for kind, x in cut.sources]
    there = [Var(v.aval) for v in here]
    rules = {"rule": found}
    found.cut = PartialEval(
        cut.invariant, _tied(prim, first, here, rules), (), _tied(prim, cut.unknown, there, rules),
        sources,
    )  # fmt: skip
    found.linear = found.cut.unknown
    return consts, found


def values_of(
    rule: Any, xs: Sequence[Any], outs: Sequence[Any], ts: Sequence[Any]
) -> Sequence[Any]:
    """The outputs of a rule, free of tangents.

    If values and tangents share a loop, the values are staged too, and the rule runs again.
    """
    if is_linearizing(xs, ts) and innermost_serial(outs) >= innermost_serial(ts):
        return rule(xs, instantiate_zeros([None] * len(xs), xs))[0]
    return outs


def closed_vjp(
    prim: Primitive, fwd: Callable[..., Any], bwd: Callable[..., Any], avals: Sequence[Aval]
) -> tuple[tuple[Any, ...], Any, Any]:
    """The traced values that the two parts of a rule close over, and the parts."""
    found = ClosedVjp(fwd)
    plain: list[Any] = []

    def first(values: list[Any]) -> list[Any]:
        outs, residuals = fwd(*values)
        plain[:] = tree.flatten(residuals)
        found.outs = len(outs)
        return [*outs, *filter(is_arraylike, plain[0])]

    taken = Taken()
    one = _staged(fwd, functools.partial(_program, fwd, first, avals), taken)
    if one is None:
        return (), fwd, bwd
    out_avals = [Aval(v.shape, v.dtype) for v in one.out_avals[: found.outs]]

    def second(values: list[Any]) -> list[Any]:
        saved, cts = split_list(values, len(values) - len(out_avals))
        rest = iter(saved)
        leaves = [next(rest) if is_arraylike(x) else x for x in plain[0]]
        got = bwd(tree.unflatten(plain[1], leaves), cts)
        found.has_cotangent = [ct is not None for ct in got]
        return [ct for ct in got if ct is not None]

    saved = one.out_avals[found.outs :]
    two = _staged(fwd, functools.partial(_program, fwd, second, [*saved, *out_avals]), taken)
    if two is None and not all(map(is_arraylike, plain[0])):
        one, two = _joint_parts(found, fwd, bwd, avals, out_avals, taken)
    if two is None or not (taken.some or _traced(one) or _traced(two)):
        return (), fwd, bwd
    a, b = one.jaxpr.constvars, two.jaxpr.constvars
    here, there = (*a, *_like(b)), (*_like(a), *b)
    found.count = len(here)
    rules = {"fwd": found, "bwd": found}
    found.first = _tied(prim, one.jaxpr, here, rules)
    found.second = _tied(prim, two.jaxpr, there, rules)
    return (*one.consts, *two.consts), found, found


def _joint_parts(
    found: ClosedVjp, fwd: Any, bwd: Any, avals: Sequence[Aval], cts: Sequence[Aval], taken: Taken
) -> Any:
    """Both parts of a rule whose residuals are functions, as those of ``vjp``; or (None, None).

    Their values are those that the second part reads of the first.
    """

    def both(xs: list[Any], cts: list[Any]) -> tuple[Any, Any]:
        outs, residuals = fwd(*xs)
        got = bwd(residuals, cts)
        found.has_cotangent = [ct is not None for ct in got]
        return outs, [ct for ct in got if ct is not None]

    n, k = len(avals), len(cts)
    stages = functools.partial(
        partial_eval_jaxpr, fwd.__name__, avals, cts, both, ([False] * n, [False] * k), [False] * n
    )
    cut = _staged(fwd, lambda takes: stages(takes=takes), taken)
    if cut is None:
        return None, None
    m, known, unknown = len(cut.consts), cut.known, cut.unknown
    rows = list(zip(unknown.invars, cut.sources, strict=False))
    read = {j: v for v, (kind, j) in rows if kind == "out"}
    values = {v: x for v, (kind, x) in rows if kind == "value"}
    saved = [read.get(j, Var(y.aval)) for j, y in enumerate(known.outvars) if j >= k]
    one = Jaxpr(known.invars[m:], known.invars[:m], known.eqns, known.outvars)
    seeds = unknown.invars[len(rows) :]
    two = Jaxpr((*saved, *seeds), tuple(values), unknown.eqns, unknown.outvars)
    return ClosedJaxpr(one, cut.consts), ClosedJaxpr(two, tuple(values.values()))


def _like(variables: Sequence[Var]) -> list[Var]:
    return [Var(v.aval) for v in variables]


def _traced(closed: ClosedJaxpr) -> bool:
    return any(isinstance(x, Tracer) for x in closed.consts)


def _program(
    rule: Any, fun: Callable[[list[Any]], Any], avals: Sequence[Aval], takes: Any
) -> ClosedJaxpr:
    return stage(rule.__name__, fun, avals, lasting=False, takes=takes)[0]


def _is_same(a: Any, b: Any) -> bool:
    """Whether two rules are the same function, or the same method of the same object."""
    methods = isinstance(a, MethodType) and isinstance(b, MethodType)
    return a is b or (methods and a.__self__ is b.__self__ and a.__func__ is b.__func__)


def _staged(rule: Any, make: Callable[[Any], Any], taken: Taken) -> Any:
    """Stage a part of a rule; None if it is being staged already, or cannot be staged.

    A rule that needs concrete values, or raises, must do so only when a transform needs it.
    ``make`` is told which operations on closed-over values are part of it: all, unless it branches
    on these.
    """
    if any(_is_same(base, rule.base) for base in _under_way.get()):
        return None
    with _staging(rule.base):
        for takes in (taken, None):
            try:
                return make(takes)
            except ConcretizationError:
                continue
            except Exception:
                return None
    return None


@contextmanager
def _staging(base: Any) -> Iterator[None]:
    token = _under_way.set((*_under_way.get(), base))
    try:
        yield
    finally:
        _under_way.reset(token)


def _tied(
    prim: Primitive, jaxpr: Jaxpr, consts: Sequence[Var], rules: Mapping[str, ClosedRule]
) -> Jaxpr:
    """The part of a rule, in which calls of its own function have the closed rule."""
    (rule, *_), avals = rules.values(), [v.aval for v in consts]
    name = next(iter(rules))

    def tied(eqn: Eqn) -> Eqn:
        mine = eqn.params[name] if eqn.prim is prim else None
        if mine is None or isinstance(mine, ClosedRule) or rule.tie is None:
            return eqn
        if not _is_same(mine.base, rule.base) or mine.tie != rule.tie:
            return eqn
        extra, fun = eqn.params["extra"], Program(padded(eqn.params["fun"].jaxpr, avals))
        params = {**eqn.params, **rules, "extra": extra + len(consts), "fun": fun}
        return Eqn(prim, (*consts, *eqn.ins), eqn.outs, params, eqn.source, eqn.scope)

    eqns = tuple(map(tied, jaxpr.eqns))
    return constants_as_inputs(Jaxpr(jaxpr.invars, tuple(consts), eqns, jaxpr.outvars))

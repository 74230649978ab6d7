"""debug.nans: name the operation that made a nan or inf, by a trace below all others.

Within ``debug.nans`` the outermost transform wraps its arrays in tracers of this trace. The trace
is older than those of the transforms, so that all their operations reach it, derivatives included.
A tracer records which operation made a nan or inf in its array. The outermost transform raises if
its result holds one; a nan that a selection dropped is not in the result. Outside of
``debug.nans`` a transform reads one context variable per call.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from ..core import tree
from ..core.avals import dtype_of, is_inexact
from ..core.blocks import Block, check_switch
from ..core.buffers import settled
from ..core.companions import inlined
from ..core.effects import without_effects
from ..core.errors import UntakenWarning
from ..core.frames import warn
from ..core.jaxpr import Eqn, Jaxpr, Literal, Var, eval_jaxpr, user_line
from ..core.trace import MARK, NOTE, ConcreteTracer, Primitive, Trace
from .faults import Fault, Provenance, fault_of, hides, number
from .lines import located_in


class Debugging(NamedTuple):
    """The debugging mode of calls."""

    uncompiled: bool = False  # jit calls functions uncompiled
    check: "Checking | None" = None  # by which a transform must call itself
    inside: bool = False  # whether a check is calling a transform


OFF = Debugging()
debugging: ContextVar[Debugging] = ContextVar("debugging", default=OFF)


class Untaken(NamedTuple):
    """A selection that dropped a nan or inf, and the operation that had made it."""

    operation: str
    line: str
    made_by: str
    made_at: str

    def __str__(self) -> str:
        return (
            f"debug.nans: {self.operation} at {self.line} hides a nan or inf that {self.made_by} "
            f"made at {self.made_at}"
        )


class CheckingTracer(ConcreteTracer):
    """An array, its provenance, and the operation that made a nan or inf in it, if any.

    It carries no derivative, and so converts to a plain scalar or array.
    """

    __slots__ = ()
    step = MARK
    fault = NOTE
    _uses = ("value", "_note")

    def __init__(
        self, trace: "Checking", value: Any, step: Provenance, fault: Fault | None
    ) -> None:
        self._trace = trace
        self.value = value
        self._mark = step
        self._note = fault
        self._memory = None

    @property
    def _line(self) -> str:  # type: ignore[override]
        return self._mark.line

    def __float__(self) -> float:
        return float(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def __int__(self) -> int:
        return int(self.value)

    @override
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype)


class Checking(Trace):
    """Run each operation one level down, and check its outputs for a new nan or inf."""

    __slots__ = ("at", "hidden", "untaken")

    def __init__(self, origin: object, untaken: bool = False) -> None:
        super().__init__(origin)
        self.at = ""  # the line whose derivative is being computed
        self.untaken = untaken
        self.hidden: list[Untaken] = []

    @override
    def shared(self, x: Any) -> Any:
        return x.value

    @override
    def rewrapped(self, x: Any, change: Callable[[Any], Any]) -> CheckingTracer:
        return CheckingTracer(self, change(x.value), x.step, x.fault)

    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        if (program := inlined(prim, params)) is not None:
            return evaluated(self, program, args)
        if prim.holds.is_open:  # a function with a custom rule
            return prim.run(*args, **params)
        mine = [x if self.owns(x) else None for x in args]
        values = [settled(x) if t is None else t.value for x, t in zip(args, mine, strict=True)]
        faults = [None if t is None else t.fault for t in mine]
        parents = tuple([None if t is None else t.step for t in mine])
        step = Provenance(prim.name, self.at or user_line(), parents)
        try:
            outs = prim.bind(*values, **params)
        except (np.linalg.LinAlgError, ValueError) as err:  # it may refuse a nan
            fault = _first(faults, values)
            if fault is None:
                raise
            raise fault.error() from err
        inner = self.within(prim, step, values, faults, params, outs)
        return [self.output(prim, step, values, faults, y, inner) for y in outs]

    def owns(self, x: Any) -> bool:
        return isinstance(x, CheckingTracer) and x._trace is self

    def output(
        self,
        prim: Primitive,
        step: Provenance,
        values: Sequence[Any],
        faults: Sequence[Fault | None],
        y: Any,
        inner: Fault | None,
    ) -> Any:
        """An output as a tracer, with its fault."""
        array = number(y)
        if array is None or not is_inexact(dtype_of(array)):
            return y
        arrays, fault = list(map(number, values)), None
        if not all(x is not None for x in arrays):
            return y
        if not np.isfinite(array).all():
            fault = inner or fault_of(prim, step, arrays, faults, array)
        if self.untaken and any(faults):
            bad = [x for x, f in zip(arrays, faults, strict=True) if f is not None]
            if hides(prim, bad, array):
                self.note(step, _first(faults, arrays))
        return CheckingTracer(self, y, step, fault)

    def note(self, step: Provenance, fault: Fault | None) -> None:
        """Warn, once, that an operation hides a nan or inf."""
        if fault is None:
            return
        found = Untaken(step.name, step.where, fault.step.name, fault.step.where)
        if found not in self.hidden:
            self.hidden.append(found)
            warn(str(found), UntakenWarning)

    def within(
        self,
        prim: Primitive,
        step: Provenance,
        values: Sequence[Any],
        faults: Sequence[Fault | None],
        params: dict,
        outs: Sequence[Any],
    ) -> Fault | None:
        """Run a loop or a branch again, operation by operation, if its result is not finite."""
        if prim.holds.bodies is None or any(number(x) is not x for x in values):
            return None
        floats = [y for y in outs if is_inexact(dtype_of(y))]
        if all(np.isfinite(y).all() for y in floats) and not self.untaken:
            return None
        watch = BodyCheck(self, step)
        for x, fault in zip(values, faults, strict=True):
            watch.keep(x, fault)
        before, self.at = self.at, ""
        try:
            with np.errstate(all="ignore"):  # the first run has given the warnings
                prim.run(*values, **watch.over(params))
        finally:
            self.at = before
        return min(watch.faults, key=lambda fault: fault.serial, default=None)

    # calls

    def call(
        self, fun: Callable[..., Any], args: Any, kwargs: Any = None, maps: bool = False
    ) -> Any:
        """Call a transform with its arrays wrapped, and raise if the result holds a fault.

        With ``maps`` the second output is a linear map, whose calls are checked too.
        """
        kwargs = {} if kwargs is None else kwargs
        token = debugging.set(debugging.get()._replace(check=None, inside=True))
        try:
            given, keywords = self.wrapped((args, kwargs))
            out = fun(*given, **keywords)
        finally:
            debugging.reset(token)
        if maps:
            linear = functools.wraps(out[1])(lambda *ts: self.call(pull, ts))
            pull, out = out[1], (out[0], None, *out[2:])
        out = tree.map(self.unwrapped, out)
        return (out[0], linear, *out[2:]) if maps else out

    def wrapped(self, call: tuple[Any, Any]) -> Any:
        pairs, treedef = tree.leaves_with_path(call), tree.structure(call)
        return tree.unflatten(treedef, [self.wrap(x, _argument(path)) for path, x in pairs])

    def wrap(self, x: Any, step: Provenance, fault: Fault | None = None) -> Any:
        """A floating array or scalar as a tracer, any other value as it is."""
        if isinstance(x, np.ndarray) and type(x) is np.ndarray:
            x = x.copy() if is_inexact(x.dtype) else x  # a later write is not seen
        if not isinstance(x, (np.ndarray, np.generic, float, complex)):
            return x
        return CheckingTracer(self, x, step, fault) if is_inexact(dtype_of(x)) else x

    def unwrapped(self, x: Any) -> Any:
        """The value of a result; raises if it holds a nan or inf with a fault."""
        if not self.owns(x):
            return x
        array = number(x)
        if x.fault is not None and array is not None and not np.isfinite(array).all():
            raise x.fault.error()
        return x.value


def beside(leaves: Sequence[Any], seeds: Sequence[Any]) -> list[Any]:
    """Wrap seeds of a derivative in the check that wraps the leaves of the call, if any."""
    bottoms = (t for x in leaves for t in located_in(x) if isinstance(t, CheckingTracer))
    bottom: Any = next(bottoms, None)
    if bottom is None:
        return list(seeds)
    return [bottom._trace.wrap(x, Provenance("a seed of the derivative", "")) for x in seeds]


def evaluated(trace: Checking, jaxpr: Jaxpr, args: Sequence[Any]) -> tuple[Any, ...]:
    """Run a program equation by equation; equations of literals alone are checked too."""
    found = jaxpr.memo.get("for checks")
    if found is None:
        found = jaxpr.memo["for checks"] = _with_variables(jaxpr)
    program, numbers = found
    return eval_jaxpr(program, [trace.wrap(x, Provenance(str(x), "")) for x in numbers], args)


def spelled(jaxpr: Jaxpr, args: Sequence[Any]) -> tuple[Any, ...] | None:
    """Run a called program equation by equation, if a check wraps its operands.

    Otherwise a transform would derive other programs from it, and fold constants unchecked.
    """
    if not debugging.get().inside:
        return None
    bottoms = (t for x in args for t in located_in(x) if isinstance(t, CheckingTracer))
    bottom: Any = next(bottoms, None)
    return None if bottom is None else evaluated(bottom._trace, jaxpr, args)


def _with_variables(jaxpr: Jaxpr) -> tuple[Jaxpr, list[Any]]:
    """The program with constants for the literals of equations that have only literals."""
    consts: dict[Var, Any] = {}
    eqns = []
    for eqn in jaxpr.eqns:
        if eqn.ins and all(isinstance(a, Literal) for a in eqn.ins):
            new = [Var(a.aval) for a in eqn.ins]
            values = [a.value for a in eqn.ins if isinstance(a, Literal)]
            consts.update(zip(new, values, strict=True))
            eqn = Eqn(eqn.prim, tuple(new), eqn.outs, eqn.params, eqn.source, eqn.scope)
        eqns.append(eqn)
    variables = (*jaxpr.constvars, *consts)
    return Jaxpr(jaxpr.invars, variables, tuple(eqns), jaxpr.outvars), list(consts.values())


def _argument(path: Any) -> Provenance:
    """The provenance of a leaf of ``(args, kwargs)``."""
    place = f"argument {path[1].idx}" if path[0].idx == 0 else path[1].key
    return Provenance(f"{place}{tree.keystr(path[2:])}", "")


def _first(faults: Sequence[Fault | None], values: Sequence[Any]) -> Fault | None:
    rows = zip(faults, values, strict=True)
    found = [f for f, x in rows if f is not None and not np.isfinite(number(x)).all()]
    return min(found, key=lambda fault: fault.serial, default=None)


class BodyCheck:
    """A run of a loop or a branch under a check; arrays carry faults from step to step."""

    def __init__(self, trace: Checking, around: Provenance) -> None:
        self.trace, self.around = trace, around
        self.faults: list[Fault] = []
        self.known: dict[int, tuple[Any, Fault]] = {}  # with the arrays, so that no id is reused

    def keep(self, x: Any, fault: Fault | None) -> None:
        if fault is not None:
            self.known[id(x)] = (x, fault)

    def over(self, params: dict[str, Any]) -> dict[str, Any]:
        """The parameters, with programs that run under the check."""

        def changed(value: Any) -> Any:
            if isinstance(value, Jaxpr):
                return CheckedBody(
                    value.invars, value.constvars, value.eqns, value.outvars, watch=self
                )
            return tuple(map(changed, value)) if type(value) is tuple else value

        return {k: changed(v) for k, v in params.items()}

    def run(self, program: Jaxpr, args: Sequence[Any]) -> tuple[Any, ...]:
        given = [self.given(i, x) for i, x in enumerate(args)]
        outs = []
        for y in evaluated(self.trace, program, given):
            fault = y.fault if self.trace.owns(y) else None
            outs.append(y.value if self.trace.owns(y) else y)
            self.keep(outs[-1], fault)
            self.faults += [fault] if fault is not None else []
        return tuple(outs)

    def given(self, i: int, x: Any) -> Any:
        """An operand of a step as a tracer; it may be a view of an operand of the loop."""
        own = self.known.get(id(x)) or self.known.get(id(getattr(x, "base", None)))
        fault = None if own is None else own[1]
        bad = fault is not None and not np.isfinite(x).all()
        step = Provenance(f"operand {i} in {self.around.name}", "", self.around.parents)
        return self.trace.wrap(x, step, fault if bad else None)


@dataclass(frozen=True, slots=True, eq=False)
class CheckedBody(Jaxpr):
    """A program that runs under a check."""

    watch: Any = None

    @override
    def run(self, *args: Any) -> tuple[Any, ...]:
        return self.watch.run(self, args)


def raise_first(jaxpr: Jaxpr, name: str, args: Sequence[Any]) -> None:
    """Run a program equation by equation; raise if it made a nan or inf that is in its result."""
    trace = Checking(name)
    given = [trace.wrap(x, Provenance(f"operand {i} of {name}", "")) for i, x in enumerate(args)]
    with np.errstate(all="ignore"):
        for y in evaluated(trace, without_effects(jaxpr), given):
            trace.unwrapped(y)


def nans(untaken: bool = False) -> Block:
    """Raise if a transform returns a nan or inf, naming the operation that made it.

    Args:
        untaken: whether to warn of each selection that hides a nan or inf (``UntakenWarning``);
            the block's variable lists them.

    It checks transforms (``grad``, ``vjp``, ``jvp``, ``vmap``, ``jit``, ...) and loops within the
    block, in the forward and the backward pass; compiled programs run equation by equation. An
    operation makes an inf if all its operands are finite, and a nan if none of them is nan: a mask
    of -inf is no error. A nan of the data that reaches the result is named with its argument.

    Raises:
        NanError: with the line, the operands' statistics, and the chain back to the inputs.

    >>> import numpy as np, funcgrad as fg
    >>> with fg.debug.nans(untaken=True):
    ...     print(fg.grad(lambda x: np.sin(x) / x)(0.5).round(3))
    -0.163
    """
    check_switch("debug.nans", "untaken", untaken)
    return Block("debug.nans", lambda: _watched(untaken))


@contextmanager
def _watched(untaken: bool) -> Iterator[list[Untaken]]:
    check = Checking("debug.nans", untaken)
    token = debugging.set(debugging.get()._replace(check=check))
    try:
        yield check.hidden
    finally:
        debugging.reset(token)

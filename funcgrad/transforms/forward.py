"""Forward mode: each tracer has a value and a tangent, and no residuals are stored."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import numpy as np
from typing_extensions import override

from ..core import tree
from ..core.buffers import Buffer, returned, settled
from ..core.companions import NO_JOINT_RULES, NO_VIEWING
from ..core.floating import current_settings, with_settings, without_warnings
from ..core.lazy import answering
from ..core.memory import Steps, give_content, is_lent, is_walked, keep_lent, lend, snapshot
from ..core.ownership import apart, unaliased
from ..core.trace import MARK, ConcreteTracer, Primitive, Trace, Tracer, running
from ..ops.index import Index
from .arguments import (
    Origin,
    call_with_aux,
    check_alive,
    check_callable,
    check_closed,
    check_leaves,
    differentiated,
    flatten_like,
    tangents_of,
    zero_of,
)
from .nans import debugging
from .options import check_pair
from .owned_arrays import can_follow, is_writable, kept, new_copy, own_array, part_of, put, zeros_in
from .seeds import over_paths, params_for_trace
from .snapshots import aliases
from .typevars import R, X
from .untraced import handing_of, unchanged


class ForwardTracer(ConcreteTracer):
    """A primal ``value`` and its ``tangent``."""

    __slots__ = ()
    tangent = MARK
    _uses = ("value", "_note")

    @property
    def _tangent(self) -> Any:  # type: ignore[override]
        return self.tangent

    def __init__(self, trace: "Forward", value: Any, tangent: Any) -> None:
        self._trace = trace
        self.value = value
        self._mark = tangent
        self._note = trace.count
        self._memory = None


class WrittenDual(ForwardTracer):
    """A value and a tangent in arrays of the trace, to which the function writes in place."""

    __slots__ = ()

    @override
    def _detach(self) -> None:
        self.value, self.tangent = kept(self.value), kept(self.tangent)
        self.__class__ = ForwardTracer  # type: ignore[assignment]


class Forward(Trace):
    """Push a tangent forward alongside each value."""

    writes_in_place = True

    __slots__ = ("writes",)

    def __init__(self, origin: object, masked: bool = False) -> None:
        super().__init__(origin, masked)
        self.writes = False  # whether an array is written in place

    @override
    def position(self, x: Any) -> int:
        return x._note

    @override
    def shared(self, x: Any) -> Any:
        return x.value

    @override
    def rewrapped(self, x: Any, change: Callable[[Any], Any]) -> ForwardTracer:
        return ForwardTracer(self, change(x.value), change(x.tangent))

    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        self.count += 1
        if self.writes:
            args, mine = self.operands(prim, args)
            if mine is not None:
                return self.views(self.process(prim, args, params), mine)
        pairs = [self.split(x) for x in args]
        primals = [x for x, _ in pairs]
        if prim.joint is not NO_JOINT_RULES and prim.joint.value_and_jvp is not None:
            return self.process_joint(prim, primals, [t for _, t in pairs], params)
        outs = prim.bind(*primals, **params)
        if not prim.differentiable:
            return outs
        tangents_out = prim.jvp(primals, [t for _, t in pairs], outs, **params)
        return [
            y if t is None else ForwardTracer(self, y, t)
            for y, t in zip(outs, tangents_out, strict=True)
        ]

    def operands(self, prim: Primitive, args: tuple) -> tuple[tuple, WrittenDual | None]:
        """The operands, with copies of written arrays; of a view the array itself, returned too."""
        first = args[0] if args else None
        if prim.viewing is NO_VIEWING:
            first = None
        if isinstance(first, WrittenDual) and first._trace is self:
            return (ForwardTracer(self, first.value, first.tangent), *args[1:]), first
        return tuple([snapshot(x) if type(x) is WrittenDual else x for x in args]), None

    def views(self, outs: Sequence[Any], x: WrittenDual) -> Sequence[Any]:
        """The outputs; those that share memory with a written array are lent it."""
        return [
            lend(WrittenDual(self, y.value, y.tangent), x) if aliases(y.value, x.value) else y
            for y in outs
        ]

    @override
    def write(
        self, x: Any, steps: Steps, value: Any, arrays: Sequence[Any], index: Index
    ) -> Callable[[], None] | None:
        v, t = self.split(value)
        y, s = (x.value, None) if type(x) is Buffer else self.split(x)
        known = [a for a in (y, s, v, t) if a is not None]
        if not can_follow(steps) or any(isinstance(a, Tracer) for a in arrays):
            return None
        if not isinstance(y, (np.ndarray, Tracer)) or not all(map(is_writable, known)):
            return None
        ours = isinstance(x, ForwardTracer) and x._trace is self
        if not ours or type(x) is not WrittenDual or is_lent(x):
            y = own_array(x) if ours else new_copy(y)
            s = zeros_in(y) if s is None else put(zeros_in(y), (), Ellipsis, s)

        def write() -> None:
            self.writes = True
            keep_lent(x)
            key = index.with_arrays(arrays)
            primal = put(y, steps, key, v)
            tangent = put(s, steps, key, 0 if t is None else t)
            give_content(x, WrittenDual(self, primal, tangent))

        return write

    @override
    def reread(self, x: Any, steps: Steps) -> Any:
        if type(x) is not WrittenDual or not can_follow(steps):
            return super().reread(x, steps)
        return WrittenDual(self, part_of(x.value, steps), part_of(x.tangent, steps))

    def process_joint(self, prim: Primitive, xs: Any, ts: Any, params: dict) -> Sequence[Any]:
        """Apply a primitive that computes its outputs and their tangents jointly.

        Where a function that the primitive holds closes over tracers of this trace, the outputs
        have tangents of this trace, which are added; those of tangents are of second order.
        """
        params = params_for_trace(self, params)
        outs, tangents_out = prim.joint.value_and_jvp(xs, ts, **params)
        own = [self.split(y)[1] for y in outs]
        check_closed(prim, own, [*outs, *tangents_out], self)
        results = []
        for out, tangent in zip(outs, tangents_out, strict=True):
            (y, own), (t, _) = self.split(out), self.split(tangent)
            t = own if t is None else t if own is None else t + own
            results.append(y if t is None else ForwardTracer(self, y, t))
        return results

    @override
    def late(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        """In the backward pass of an outer tape, take the primal of a tracer that a rule holds.

        The tape has recorded the primal, but not the tangent.
        """
        pairs = [self.split(x) for x in args]
        if not any(is_walked(x) for x, t in pairs if t is not None):
            self.alive(args)
        return prim.bind(*(x for x, _ in pairs), **params)

    def split(self, x: Any) -> tuple[Any, Any]:
        """Primal and tangent; the tangent of a constant is None."""
        if isinstance(x, ForwardTracer) and x._trace is self:
            return x.value, x.tangent
        return (settled(x) if isinstance(x, Tracer) else x), None


def push(
    origin: object,
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    masked: bool = False,
    hand: Callable[[Any], Any] = unchanged,
) -> tuple[Any, list[tuple[Any, Any]], tree.TreeDef, Forward]:
    """Run ``fun`` on leaves with tangents, of which None is zero: ``hand`` gives it such leaves.

    Returns its auxiliary output, the pairs (primal, tangent) of the leaves of its output, the
    structure of its output, and its trace.
    """
    trace = Forward(origin, masked)
    before = running.get()
    try:
        running.set(trace)
        inputs = [
            hand(x) if t is None else ForwardTracer(trace, x, t)
            for x, t in zip(primals, tangents, strict=True)
        ]
        out, aux = fun(inputs)
        leaves, treedef = tree.flatten(out)
        pairs = [trace.split(returned(check_alive(y))) for y in leaves]
        pairs = [(apart(y, primals), t) for y, t in pairs]
        aux = tree.map(lambda x: apart(check_alive(trace.split(returned(x))[0]), primals), aux)
    finally:
        running.set(before)
        trace.dead = True
    return aux, pairs, treedef, trace


def push_again(
    origin: object,
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    masked: bool = False,
) -> tuple[Any, list[tuple[Any, Any]], tree.TreeDef, Forward]:
    """``push``, once more if the function writes into leaves without a tangent."""
    others = lambda: [x for x, t in zip(primals, tangents, strict=True) if t is None]
    attempt = lambda hand: push(origin, fun, primals, tangents, masked, hand)
    return handing_of(origin).run(attempt, others)


@overload
def jvp(
    fun: Callable[..., R],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: Literal[False] = False,
) -> tuple[R, R]: ...
@overload
def jvp(
    fun: Callable[..., tuple[R, X]],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: Literal[True],
) -> tuple[R, R, X]: ...
@overload
def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool
) -> tuple[Any, ...]: ...
@answering
def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """Jacobian-vector product, computed alongside the value.

    jvp : (a -> b) -> (a, T a) -> (b, T b)

    Args:
        fun: a function of arrays, or of trees of arrays.
        primals: tuple or list of the arguments at which to differentiate.
        tangents: tuple or list of tangents with the structure, shapes and dtypes of ``primals``.
        has_aux: whether ``fun`` returns ``(output, aux)``; aux is not differentiated.

    No values are stored: a write in place to an array affects only later operations of ``fun``.

    Returns:
        ``(output, tangent)``, or ``(output, tangent, aux)``.

    Raises:
        DtypeError: if no primal is floating or complex, or a tangent differs in dtype.
        ShapeError: if a tangent differs in shape from its primal.
        TreeError: if tangents and primals differ in structure.

    >>> import numpy as np
    >>> y, t = jvp(np.sin, (0.0,), (2.0,))
    >>> print(y, t)
    0.0 2.0
    """
    if (check := debugging.get().check) is not None:
        named = {"primals": primals, "tangents": tangents, "has_aux": has_aux}
        return check.call(functools.partial(jvp, fun), (), named)
    check_callable("jvp", fun)
    check_pair("jvp", primals, tangents)
    primals, tangents = tuple(primals), tuple(tangents)
    leaves, treedef = tree.flatten(primals)
    if not all(differentiated("jvp", fun, range(len(primals)), primals, leaves)):
        check_leaves("jvp", fun, range(len(primals)), primals, mixed=True)
    given = flatten_like("jvp", "tangents", treedef, tangents)
    directions = tangents_of("jvp", fun, primals, leaves, given)
    on_leaves = lambda xs: call_with_aux("jvp", has_aux, fun, *tree.unflatten(treedef, xs))
    origin, warnings = Origin("jvp", fun), current_settings()
    outs: Any = None
    out_tree: Any = None
    aux: Any = None

    def run(tangents: Sequence[Any], masked: bool) -> list[Any]:
        nonlocal outs, out_tree, aux
        now = current_settings() if outs is not None else warnings  # the second time there are none
        aux, pairs, out_tree, _ = with_settings(
            now, push_again, origin, on_leaves, leaves, tangents, masked
        )
        outs = [y for y, _ in pairs]
        return [t for _, t in pairs]

    found = without_warnings(over_paths, origin, directions, run, leaves)
    out = tree.unflatten(out_tree, outs)
    taken = set(map(id, directions))
    tangents_out = [
        zero_of(y) if t is None else unaliased(t, taken) for y, t in zip(outs, found, strict=True)
    ]
    tangent = tree.unflatten(out_tree, tangents_out)
    return (out, tangent, aux) if has_aux else (out, tangent)

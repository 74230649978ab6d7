"""The body of a loop as a program: the carry keeps its structure, shapes and dtypes."""

import copy
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, Aval, aval_of, check_operand, is_arraylike, shape_of
from ..core.buffers import as_given, fresh_copy
from ..core.companions import NO_PROGRAMS
from ..core.dependence import split_invariant
from ..core.errors import DtypeError, FuncgradError, ShapeError, short
from ..core.jaxpr import Jaxpr, Var, eval_jaxpr
from ..core.lists import split_list
from ..core.memory import View
from ..core.ownership import unaliased
from ..core.registry import branches
from ..core.trace import Tracer, is_concrete
from ..ops.layout import body_value
from ..ops.operand import common_dtype, stacked
from ..ops.structure import cast
from ..transforms.arguments import Origin, flatten_like
from ..transforms.jaxprs import trace_to_jaxpr
from .lanes import may_raise
from .weak import (
    as_arrays,
    carried_aval,
    strong_inputs,
    strong_outputs,
    weaken,
    without_weak_inputs,
)

SHORT = 64  # operations
SMALL = 4096  # elements


def check_arrays(who: str, what: str, value: Any) -> None:
    """Raise unless the leaves of an operand or a result are arrays or scalars."""
    leaves, _ = tree.flatten(value)
    for i, x in enumerate(leaves):
        if not is_arraylike(x):
            path, _ = tree.leaves_with_path(value)[i]
            raise TypeError(
                f"{who}: {what}{short(tree.keystr(path))} must be made of arrays and scalars: got "
                f"{type(x).__name__}; close over other objects"
            )


def check_operands(operands: Sequence[Any]) -> None:
    """Raise for operands of a concrete branch that a traced one would refuse."""
    for operand in operands:
        if type(operand) not in PYTHON_SCALARS:
            for x in (operand,) if isinstance(operand, np.ndarray) else tree.leaves(operand):
                check_operand(x)


def length_of(xs: Any, length: int | None) -> int:
    """The number of steps, which must be the length of all first axes."""
    lengths: list[int] = []
    leaves, _ = tree.flatten(xs)
    for i, x in enumerate(leaves):
        if not is_arraylike(x) or not shape_of(x):
            path, _ = tree.leaves_with_path(xs)[i]
            got = aval_of(x) if is_arraylike(x) else type(x).__name__
            raise ShapeError(
                f"scan: xs{tree.keystr(path)} has no first axis to scan over: got {got}; close "
                f"over a value that all steps share"
            )
        lengths.append(shape_of(x)[0])
    lengths += [] if length is None else [operator.index(length)]
    if not lengths:
        raise ValueError("scan: xs has no arrays; give length, the number of steps")
    if len(set(lengths)) > 1:
        names = [*(f"xs{tree.keystr(path)}" for path, _ in tree.leaves_with_path(xs)), "length"]
        rows = "; ".join(f"{name} has {n}" for name, n in zip(names, lengths, strict=False))
        raise ShapeError(
            f"scan: the first axes must have equal length: {rows}; cut them to one length"
        )
    if lengths[0] < 0:
        raise ValueError(
            f"scan: length must not be negative: got {length}; write length=0 for no step"
        )
    return lengths[0]


class Body:
    """The program ``consts, carry, x -> carry, y`` of one step, and the initial carry.

    ``step(carry, leaves)`` is one step of the user's function, for a tree and the leaves of x.
    Python scalars in the carry are weakly typed: they take the dtype that the step gives them, and
    stay weakly typed if it gives none. ``takes``: see ``stage``.
    """

    def __init__(
        self,
        who: str,
        fun: Any,
        init: Any,
        slices: Sequence[Aval],
        step: Callable[[Any, list[Any]], tuple[Any, Any]],
        takes: Callable[..., bool] | None = None,
    ) -> None:
        check_arrays(who, "the carry", init)
        self.who, self.origin, self.step, self.takes = who, Origin(who, fun), step, takes
        leaves, self.tree = tree.flatten(init)
        self.avals = list(map(aval_of, leaves))
        jaxpr, self.consts = self.settle_dtypes(slices)
        self.weak = [a.weak for a in self.avals]
        self.jaxpr = strong_inputs(jaxpr, len(self.consts), self.weak) if any(self.weak) else jaxpr
        if any(atom.aval.weak for atom in self.jaxpr.outvars[: len(leaves)]):
            self.jaxpr = strong_outputs(self.jaxpr, len(leaves))
        self.init = as_arrays(leaves, self.avals)

    def settle_dtypes(self, slices: Sequence[Aval]) -> tuple[Jaxpr, tuple[Any, ...]]:
        """Stage a step, again where it changes the dtypes of weakly typed scalars of the carry."""
        k, avals = len(self.avals), self.avals
        jaxpr, consts, out = self.stage(avals, slices)
        while True:
            if avals == out:
                self.avals = avals
                return jaxpr, consts
            new = list(map(carried_aval, avals, out))
            if new == avals:
                break
            flags = [False] * len(jaxpr.invars)
            flags[len(consts) : len(consts) + k] = [a != b for a, b in zip(avals, new, strict=True)]
            same = all(a.dtype == b.dtype for a, b in zip(avals, new, strict=True))
            program = without_weak_inputs(jaxpr, flags) if same else None
            if program is None:
                jaxpr, consts, out = self.stage(new, slices)
            else:
                jaxpr, out = program, [atom.aval for atom in program.outvars[:k]]
            avals = new
        self.check(avals, out)
        self.avals = avals
        return jaxpr, consts

    def stage(
        self, avals: Sequence[Aval], slices: Sequence[Aval]
    ) -> tuple[Jaxpr, tuple[Any, ...], list[Aval]]:
        """Trace a step: the program, its first operands, and the avals of the new carry."""
        k = len(avals)
        out: list[Aval] = []

        def body(values: list[Any]) -> list[Any]:
            carry, y = self.step(tree.unflatten(self.tree, values[:k]), values[k:])
            check_arrays(self.who, "the result", y)
            check_arrays(self.who, "the carry", carry)
            leaves, treedef = tree.flatten(carry)
            if treedef != self.tree:
                flatten_like(self.who, "the carry that a step returns", self.tree, carry)
            out[:] = map(aval_of, leaves)
            y_leaves, self.y_tree = tree.flatten(y)
            fits = (cast(x, a.dtype) for x, a in zip(leaves, avals, strict=True))
            return [*fits, *(cast(y, aval_of(y).dtype) for y in y_leaves)]

        jaxpr, consts = trace_to_jaxpr(self.origin, body, [*avals, *slices], takes=self.takes)
        return jaxpr, consts, out

    def risky(self) -> Jaxpr | None:
        """The operations of a step on constants alone, if one of them may raise."""
        consts = self.jaxpr.invars[: len(self.consts)]
        before, during = split_invariant(self.jaxpr.eqns, consts)
        if not (before and may_raise(Jaxpr(consts, (), tuple(before), ()))):
            return None
        read = {a for eqn in during for a in eqn.ins} | set(self.jaxpr.outvars)
        outs = tuple(v for eqn in before for v in eqn.outs if v in read)
        return Jaxpr(consts, (), tuple(before), outs)

    def after(self, before: Jaxpr, consts: Sequence[Any], carry: list[Any]) -> "Body":
        """The body that reads the results of these operations: its first constants."""
        other = copy.copy(self)
        made = dict.fromkeys(v for eqn in before.eqns for v in eqn.outs)
        read = [v for v in made if v in before.outvars]
        during = tuple(e for e in self.jaxpr.eqns if made.keys().isdisjoint(e.outs))
        other.jaxpr = Jaxpr((*read, *self.jaxpr.invars), (), during, self.jaxpr.outvars)
        other.consts, other.init = tuple(consts), carry
        return other

    def check(self, avals: Sequence[Aval], out: Sequence[Aval]) -> None:
        """Raise unless a step keeps the shape and dtype of each leaf of the carry."""
        for i, (a, o) in enumerate(zip(avals, out, strict=True)):
            if a.shape == o.shape and (
                a.dtype == o.dtype or (o.weak and common_dtype((a, o)) == a.dtype)
            ):
                continue
            kind: type[FuncgradError] = ShapeError
            cure = "start from an init of the shape that the step returns"
            if a.shape == o.shape:
                kind, cure = DtypeError, f"convert it: x.astype({str(a.dtype)!r})"
            path, _ = tree.leaves_with_path(tree.unflatten(self.tree, range(len(avals))))[i]
            raise kind(
                f"{self.who}: a step must keep the shapes and dtypes of the carry: "
                f"{tree.keystr(path) or 'it'} went in as {a} and came out as {o}; {cure}"
            )

    def is_short(self, operands: Sequence[Any], steps: int) -> bool:
        """Whether steps run one by one: that costs less than to stage the derivative of a loop.

        They do for few operations, on small arrays with known values under a transform. Other
        loops are one operation; those in half precision too, as it sums cotangents in float32.
        """
        eqns = self.jaxpr.eqns
        if not 0 < steps * len(eqns) <= SHORT:
            return False
        if not any(isinstance(x, Tracer) for x in operands):
            return False
        if branches or not all(map(is_concrete, operands)):  # a branch takes the steps' operations
            return False
        if any(eqn.prim.holds is not NO_PROGRAMS for eqn in eqns):
            return False
        made = [v.aval for eqn in eqns for v in eqn.outs]
        return all(math.prod(a.shape) <= SMALL and a.dtype.char != "e" for a in made)

    def sums_alike(self, operands: Sequence[Any]) -> bool:
        """Whether a loop and its steps one by one add cotangents in the same order.

        Else they may differ in the last bit, and a checkpointed loop runs as the plain one does.
        """
        reads = [a for eqn in self.jaxpr.eqns for a in eqn.ins] + list(self.jaxpr.outvars)
        once = all(reads.count(v) <= 1 for v in self.jaxpr.invars[: len(self.consts)])
        results = [a for a in self.jaxpr.outvars if isinstance(a, Var)]
        tracers = [x for x in operands if isinstance(x, Tracer)]
        nested = any(isinstance(getattr(x, "value", None), Tracer) for x in tracers)
        apart = [len(set(map(id, xs))) == len(xs) for xs in (results, tracers)]
        return once and all(apart) and not nested

    def apply(self, operands: Sequence[Any], order: Sequence[int]) -> list[Any]:
        """Apply the steps one by one, as operations that the transforms around the loop see."""
        k = len(self.init)
        consts, carry, xs = split_list(operands, len(self.consts), k)
        rows: dict[int, list[Any]] = {}
        for i in order:
            outs = eval_jaxpr(self.jaxpr, (), [*consts, *carry, *(x[i] for x in xs)])
            carry, rows[i] = split_list(outs, k)
        columns = zip(*(rows[i] for i in sorted(rows)), strict=True)
        return [*carry, *map(stacked, columns)]

    def result(self, leaves: Sequence[Any], xs: Sequence[Any] = ()) -> tuple[Any, Any]:
        """The last carry and the stacked results as trees."""
        k = len(self.init)
        taken = set(map(id, (*self.init, *self.consts)))
        mine = [  # of a loop that ran step by step they may be rows of its operands
            fresh_copy(x)
            if isinstance(x, Tracer) and (id(x) in taken or type(x._memory) is View)
            else unaliased(x, taken)
            for x in leaves
        ]
        given = (*self.init, *self.consts, *xs)
        mine = [as_given(body_value(x), given) if shape_of(x) else x for x in mine]
        carry = weaken(mine[:k], self.weak) if any(self.weak) else mine[:k]
        return tree.unflatten(self.tree, carry), tree.unflatten(self.y_tree, mine[k:])

"""Staging: trace a function on shapes and dtypes alone to a program."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core import tree
from ..core.avals import PYTHON_SCALARS, Aval, aval_of, check_operand, is_arraylike
from ..core.buffers import settled
from ..core.errors import short
from ..core.explanations import raise_explained
from ..core.floating import in_quiet_block, settings
from ..core.jaxpr import (
    Atom,
    ClosedJaxpr,
    Eqn,
    Jaxpr,
    Literal,
    SilentLine,
    Var,
    user_line,
)
from ..core.memory import identity
from ..core.registry import branches
from ..core.trace import MARK, NOTE, AbstractTracer, Primitive, Trace, Tracer, running
from ..ops.layout import Layouts, Strides, is_array
from .snapshots import BRIEF, TINY, Snapshots


class StagingTracer(AbstractTracer):
    """A variable of the program that is being staged."""

    __slots__ = ()
    _cure = "make the argument static by static_argnums"
    _var = MARK  # with an underscore, because ndarray.var is a method
    _line = NOTE
    _uses = ("_note",)

    def __init__(self, trace: "Staging", var: Var, line: str = "") -> None:
        self._trace = trace
        self._mark = var
        self._note = line  # of user code that computed it
        self._memory = None

    @property
    def aval(self) -> Aval:
        return self._var.aval

    def __repr__(self) -> str:
        return f"Traced({self.aval})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    @override
    def unknown(self) -> str:
        return (
            f"{self.aval}, of which only shape and dtype are known while {self._trace.origin} is "
            f"staged: at {user_line() or 'the top level'}"
        )


class Staging(Trace):
    """Append an equation for each operation.

    ``lasting``: constants of the program are copies, else large ones are the user's arrays, which
    must not change until it is complete. ``guarded``: they are copied, or checked; user code runs.
    """

    runs_for_all = True
    # fmt: off
    __slots__ = (
        "asks_layouts", "at", "consts", "eqns", "gaps", "inputs", "is_loud", "layouts", "limit",
        "operands", "positions", "renamed", "searched", "snapshots", "tells_scalars", "transposed",
    )
    # fmt: on

    def __init__(
        self, origin: object, lasting: bool = True, guarded: bool = True, masked: bool = False
    ) -> None:
        super().__init__(origin, masked)
        # bytes, up to which arrays are copied; None: constants are neither copied nor checked
        self.limit = None if not guarded else math.inf if lasting else BRIEF
        self.takes_effects = True
        self.snapshots: Snapshots | None = None  # of the user's arrays, if there are large ones
        self.eqns: list[Eqn] = []
        self.positions: dict[Var, int] = {}  # the count when an equation defined the variable
        self.gaps: set[Var] = set()  # tangents with elements on no path, see seeds.py
        self.searched = 0  # the number of equations searched for these
        self.transposed = False  # whether it will be transposed: masks of its tangents are unknown
        self.inputs: list[Var] = []
        self.operands: dict[Var, Any] = {}  # values of inputs, whose form in memory may be asked
        self.tells_scalars = False  # whether the program depends on which are 0-d arrays
        self.renamed: dict[Var, Atom] = {}  # variables whose equations were removed
        self.layouts: Layouts | None = None  # made when they are asked
        self.asks_layouts = False  # whether the program depends on the strides of an array
        self.is_loud = not in_quiet_block(
            settings.get()
        )  # whether blocks of np.errstate inside differ
        self.at = ""  # the line whose derivative is being staged
        # constants of the program: small arrays by their bytes, others by identity
        self.consts: dict[Any, tuple[Var, Any]] = {}

    @override
    def position(self, x: Any) -> int:
        return self.positions.get(x._var, 0)  # inputs and constants were there at the beginning

    @override
    def strides(self, x: Any) -> Strides:
        self.asks_layouts = True
        return self.known_layouts().of(x._var, self.eqns, self.consts.values())

    @override
    def lay_out(self, x: Any, strides: Strides) -> None:
        self.known_layouts().strides[x._var] = strides

    def known_layouts(self) -> Layouts:
        if self.layouts is None:
            self.layouts = Layouts(self.operands)
        return self.layouts

    @override
    def gives_scalar(self, x: Any) -> bool:
        self.tells_scalars = self.tells_scalars or x._var in self.inputs
        return not is_array(self.operands.get(x._var, 0))

    def input(self, aval: Aval) -> StagingTracer:
        self.inputs.append(Var(aval))
        return StagingTracer(self, self.inputs[-1])

    def atom(self, x: Any, prim: Primitive | None = None, operand: int = -1) -> Atom:
        """The atom of a value: a variable, a literal, or the variable of a constant."""
        if isinstance(x, StagingTracer) and x._trace is self:
            return self.renamed.get(x._var, x._var)
        if type(x) in PYTHON_SCALARS or (isinstance(x, np.generic) and x.dtype.kind in "biufc"):
            return Literal(x)
        if isinstance(x, Tracer):
            if x._trace.dead:
                x._trace.alive([x])
            x = settled(x)
            if isinstance(x, Tracer):
                return self.constant(identity(x), x)
        check_operand(x)
        x = np.asarray(x)
        if x.dtype.kind not in "biufc":
            raise TypeError(
                f"{self.origin}: an operand must be an array of numbers: got {x}, {x.dtype}"
                "; convert it by astype(float)"
            )
        if not x.shape:
            return Literal(x[()])
        if self.limit is None:
            return self.constant(id(x), x)
        if x.nbytes > TINY:
            if self.snapshots is None:
                self.snapshots = Snapshots(self.origin, self.limit)
            x = self.snapshots.take(x, prim, operand)
            return self.constant(id(x), x)
        key = x.dtype, x.shape, x.tobytes()
        return self.consts[key][0] if key in self.consts else self.constant(key, x.copy("K"))

    def constant(self, key: Any, x: Any) -> Var:
        var, _ = self.consts.setdefault(key, (Var(aval_of(x)), x))
        return var

    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        if prim.holds.close is not None:
            consts, params = prim.holds.close(self, *map(aval_of, args), **params)
            args = (*consts, *args)
            # the values that it closes over may belong to an inner transform, which comes first
            if any(isinstance(x, Tracer) and x._trace.serial > self.serial for x in consts):
                return prim.bind(*args, **params)
        ins = tuple([
            x._mark if type(x) is StagingTracer and x._trace is self and not self.renamed
            else self.atom(x, prim, k)
            for k, x in enumerate(args)
        ])  # fmt: skip
        outs = tuple(map(Var, prim.infer(*(atom.aval for atom in ins), **params)))
        line = self.at or user_line()
        if self.is_loud and in_quiet_block(settings.get()):
            line = SilentLine(line)
        self.eqns.append(Eqn(prim, ins, outs, params, line))
        self.count += 1
        self.positions.update(dict.fromkeys(outs, self.count))
        return [StagingTracer(self, var, line) for var in outs]

    def end(self) -> None:
        """Mark the trace as dead, and drop its equations: rules that close over tracers hold it."""
        self.dead, self.eqns, self.positions, self.operands, self.layouts = True, [], {}, {}, None

    def close(self, outs: Sequence[Any]) -> ClosedJaxpr:
        """Complete the program with these outputs."""
        outvars = tuple(map(self.atom, outs))
        if self.snapshots is not None:
            self.snapshots.check()
        variables = tuple(var for var, _ in self.consts.values())
        jaxpr = Jaxpr(tuple(self.inputs), variables, tuple(self.eqns), outvars)
        return ClosedJaxpr(jaxpr, tuple([x for _, x in self.consts.values()]))


def staged_in(x: Any) -> StagingTracer | None:
    """The variable that a value wraps, under any other transforms, or None."""
    while isinstance(x, Tracer) and not isinstance(x, StagingTracer):
        x = getattr(x, "value", None)
    return x if isinstance(x, StagingTracer) else None


def is_staged(values: Sequence[Any]) -> bool:
    """Whether one of the values belongs to a program that is being staged."""
    return any(staged_in(x) is not None for x in values)


def stage(
    origin: object,
    fun: Callable[[list[Any]], Any],
    avals: Sequence[Aval],
    lasting: bool = True,
    guarded: bool = True,
    masked: bool = False,
    transposed: bool = False,
    operands: Sequence[Any] = (),
    takes_effects: bool = True,
    takes: Callable[..., bool] | None = None,
) -> tuple[ClosedJaxpr, tree.TreeDef]:
    """Trace ``fun``, a function of leaves, to a program, and give the structure of its output.

    ``lasting`` and ``guarded`` control copies of arrays that it closes over, see Staging.
    ``masked``: derivatives inside are computed with masks. ``transposed``: the program will be
    transposed. ``operands``: the values of the inputs, if their order in memory may be asked.
    ``takes_effects``: False if it is the program of tangents alone, beside values that are known.
    ``takes``: which operations on tracers of older traces are in it too, see branches.py.
    """
    trace = Staging(origin, lasting, guarded, masked)
    trace.transposed, trace.takes_effects = transposed, takes_effects
    before = running.get()
    try:
        running.set(trace)
        if takes is not None:
            branches[trace.serial] = takes
        inputs = [trace.input(aval) for aval in avals]
        trace.operands = dict(zip(trace.inputs, operands, strict=False))
        out = fun(inputs)
        leaves, treedef = tree.flatten(out)
        for i, x in enumerate(leaves):
            if not is_arraylike(x):
                path, _ = tree.leaves_with_path(out)[i]
                raise TypeError(
                    f"{origin}: the output must be made of arrays: got {type(x).__name__}"
                    f"{f' at {short(tree.keystr(path))}' if path else ''}"
                    "; return arrays or numbers"
                )
        closed = trace.close(leaves)
    except Exception as err:
        raise_explained(err, trace)
        raise
    finally:
        running.set(before)
        branches.pop(trace.serial, None)
        trace.end()
    return closed, treedef

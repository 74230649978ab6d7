"""Signatures of a compiled function: the program for each key, staged once, compiled lazily.

The key is known when a program is compiled, so that its entry, which flattens the arguments,
compares them with the key and builds the output's tree, is straight lines of Python. The entry
returns ``MISS`` for a call with another key.
"""

import inspect
import itertools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, TypeAlias

import numpy as np
from typing_extensions import override

from ...compile.donation import match_donors
from ...compile.liveness import nbytes
from ...compile.memory_report import MemoryReport
from ...compile.names import CELL, label
from ...compile.passes import forget, optimize
from ...compile.program import Program, young_only
from ...core import tree
from ...core.avals import PYTHON_SCALARS, Aval, aval_of
from ...core.axes import axis_env, bind_axes
from ...core.cache import lazy
from ...core.effects import has_effects
from ...core.errors import MemoryLimitError, shown
from ...core.jaxpr import ClosedJaxpr, Eqn, Jaxpr, constants_as_inputs
from ...core.registry import primitives
from ...core.trace import Tracer, running
from ...core.tree_code import Code, DictKeys, Node, Static, built
from ...ops.constant import Array, constant_p
from ...ops.layout import body_value
from ..arguments import Origin
from ..namedaxes import NamedAxis, tokens, with_axes
from ..staging import Staging, stage
from ..uniform import uniform_as_scalars
from .backends import COMPILERS, choice, elementary
from .key import ArgSpec, FlatCall, Key, arrays_of, layouts_of, places_of
from .placement import Placement
from .primitive import CALLS, checked_call_p, compiled_of
from .wrapper import standalone_module

Entry: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Any]  # args, kwargs -> out or MISS


def stage_call(spec: ArgSpec, call: FlatCall, serial: int) -> "Signature":
    """Stage the function of a call for all calls with its key."""
    env = axis_env.get({})
    traces: list[Any] = []

    def on_leaves(tracers: list[Any]) -> Any:
        traces.extend([x._trace for x in tracers[:1]])
        rest = iter(tracers)
        axes = {name: axis._replace(token=next(rest)) for name, axis in env.items()}
        values = [next(rest) if d else x for x, d in zip(call.leaves, call.dynamic, strict=True)]
        values = [x.value if isinstance(x, Static) else x for x in values]
        positional, keywords = tree.unflatten(call.in_tree, values)
        with bind_axes(axes) if axes else nullcontext():
            return spec.fun(*positional, **{k: keywords[k] for k in call.key.keywords or keywords})

    # the tokens of named axes are operands, for each call has its own
    operands = [*(axis.token for axis in env.values()), *call.operands]
    avals = [aval_of(x) for x in operands[: len(env)]]
    avals += [leaf for leaf in call.key.leaves if isinstance(leaf, Aval)]
    with young_only():
        closed, out_tree = stage(Origin("jit", spec.fun), on_leaves, avals, operands=operands)
    trace = traces[0] if traces else None
    if trace is not None and (trace.tells_scalars or (trace.asks_layouts and trace.wrote)):
        call = call._replace(key=_told_apart(spec, call, trace))
    closed = with_axes(closed, list(env)) if env else closed
    closed = uniform_as_scalars(closed) if closed.consts else closed
    took = any(trace.took for trace in traces)
    return Signature(spec, call, closed, out_tree, serial, took)


def _told_apart(spec: ArgSpec, call: FlatCall, trace: Staging) -> Key:
    """The key of a call, with what the program depends on beside it."""
    key, leaves = call.key, call.leaves
    if trace.tells_scalars and not spec.tells_scalars:
        spec.tells_scalars = True
        key = key._replace(arrays=arrays_of(leaves, key.leaves))
    if trace.asks_layouts and trace.wrote and not spec.tells_layouts:
        spec.tells_layouts = True
        key = key._replace(strides=layouts_of(leaves))
    return key


class Signature:
    """A program for the calls with one key, compiled when the first of them has arrays.

    Args:
        spec: the parameters of the function.
        call: the first call; its leaves are not kept.
        closed: the program as staged.
        out_tree: the structure of the output.
        serial: the number of signatures that the function had before.
        took: whether it read a buffer of an outer transform, which may be written later.
    """

    def __init__(
        self,
        spec: ArgSpec,
        call: FlatCall,
        closed: ClosedJaxpr,
        out_tree: tree.TreeDef,
        serial: int,
        took: bool = False,
    ) -> None:
        self.spec, self.key, self.in_tree = spec, call.key, call.in_tree
        self.places = places_of(*tree.unflatten(call.in_tree, call.leaves))
        # the argument and path of each dynamic leaf
        self.inputs = list(itertools.compress(self.places, call.dynamic))
        self.out_tree, self.serial = out_tree, serial
        self.staged, self.consts = closed.jaxpr, closed.consts
        self.jaxpr = constants_as_inputs(closed.jaxpr) if closed.consts else closed.jaxpr
        name = getattr(spec.fun, "__name__", None)
        self.name = name if isinstance(name, str) else type(spec.fun).__name__
        code = getattr(inspect.unwrap(spec.fun), "__code__", None)
        file = CELL.sub("cell", code.co_filename).rpartition("/")[2] if code else ""
        where = f" ({file}:{code.co_firstlineno})" if code else ""
        self.title = f"{self.name}{where}, compiled by funcgrad."
        self.lasts = not took and not any(isinstance(x, Tracer) for x in self.consts)
        # constants of the program alone; a tracer of an outer transform may hold a user's array
        self.jaxpr.memo["own constants"] = len(self.consts) if self.lasts else 0
        self.call_p = checked_call_p if spec.checks else CALLS[self.key.backend]
        self.named = any(isinstance(x, NamedAxis) for x in self.consts)

    @property
    def operands(self) -> tuple[Any, ...]:
        """The constants, with the tokens of the named axes around this call."""
        return tokens(self.consts) if self.named else self.consts

    @property
    def closed(self) -> ClosedJaxpr:
        """The program as staged."""
        return ClosedJaxpr(self.staged, self.operands)

    def programs(self) -> list[Program]:
        """The compiled programs, those of derivatives included."""
        donating, _ = self.__dict__.get("donating", (None, None))
        found = {id(p): p for p in (self.__dict__.get("program"), donating) if p is not None}
        return [*found.values(), *compiled_of(self.jaxpr)]

    def donors(self) -> list[int | None]:
        """For each output the donated input that lends its memory, if any."""
        offers = [
            i for i, (p, _) in enumerate(self.inputs, len(self.consts)) if p in self.spec.donated
        ]
        avals = [self.jaxpr.invars[i].aval for i in offers]
        wanted = [a.aval if a.aval.shape else None for a in self.jaxpr.outvars]
        return [None if j is None else offers[j] for j in match_donors(wanted, avals)]

    def compile(self, donors: Sequence[int | None] = (), backend: str = "") -> Program:
        """Compile the program; ``donors`` are those of its outputs, see :meth:`donors`."""
        spec = self.spec
        names = [f"constant{i}" for i in range(len(self.consts))]
        names += [spec.name_of(*place) for place in self.inputs]
        constants = self.consts if self.lasts and not self.named else ()
        backend = backend or self.key.backend
        more = {"placement": self.placement()} if backend == "jax" else {}
        program = COMPILERS[backend](
            self.jaxpr, self.name, names, donors, self.title, spec.memory_limit, spec.threads,
            constants=constants, **more,
        )  # fmt: skip
        forget(self.jaxpr)  # the cache may hold hundreds of programs
        return program

    def placement(self) -> Placement:
        """Where a program of XLA keeps its inputs and outputs."""
        dynamic = [isinstance(leaf, Aval) for leaf in self.key.leaves]
        return self.spec.placement.flat(self.in_tree, dynamic, len(self.consts), self.out_tree)

    @lazy
    def program(self) -> Program:
        """The program that overwrites no argument."""
        return self.compile()

    @lazy
    def donating(self) -> tuple[Program, list[int]]:
        """The program that calls run, and the dynamic leaves that it overwrites.

        It overwrites none where that takes more memory than it saves.
        """
        donors = self.donors() if self.spec.donated else []
        if all(d is None for d in donors):
            return self.program, []
        try:
            program = self.compile(donors)
        except MemoryLimitError:
            return self.program, []
        return program, sorted({d - len(self.consts) for d in donors if d is not None})

    def is_traced(self, operands: Sequence[Any]) -> bool:
        """Whether a transform, or a check, sees a call with these operands."""
        if self.named or not self.lasts or self.call_p is checked_call_p:
            return True
        if self.has_effects and running.get() is not None:
            return True  # a program that is staged has them, whatever the operands
        return any(isinstance(x, Tracer) for x in operands)

    @lazy
    def has_effects(self) -> bool:
        """Whether the program has an effect, as a print."""
        return has_effects(self.jaxpr)

    def bind(self, operands: Sequence[Any]) -> Any:
        """Apply the program as an operation that transforms see."""
        outs = self.call_p.bind(*self.operands, *operands, jaxpr=self.jaxpr, name=self.name)
        return tree.unflatten(self.out_tree, map(body_value, outs))

    def run(self, operands: Sequence[Any]) -> Any:
        """Run the program that overwrites nothing, on operands that the entry refused."""
        for x in operands:
            if not isinstance(x, (np.ndarray, np.generic)) and type(x) not in PYTHON_SCALARS:
                raise TypeError(
                    f"jit: {self.name} was called with {shown(x)}, which has no numbers: ask for "
                    f"its source, jaxpr or memory with it instead"
                )
        plain = [np.asarray(x) if isinstance(x, np.ndarray) else x for x in operands]
        return tree.unflatten(self.out_tree, self.program.main(*self.consts, *plain))

    @lazy
    def entry(self) -> Entry:
        """The generated function that most calls go through."""
        program, donated = self.donating
        return entry(self.key, program.main, self.consts, self.out_tree, donated)

    def frozen(self) -> tuple[Any, ...]:
        """The arguments of :func:`entry`, which can be pickled without the function.

        A program of "auto" is NumPy's there, since another machine may have no compiler.
        """
        program = self.compile(backend="numpy") if self.key.backend == "auto" else self.program
        return self.key, program, self.consts, self.out_tree

    def heading(self) -> str:
        """The name of the function and its arguments, with their shapes and dtypes."""
        pairs = zip(self.inputs, self.staged.invars, strict=True)
        shown = (f"{self.spec.name_of(*place)}: {v.aval}" for place, v in pairs)
        return f"{self.name}({', '.join(shown)})"

    def text(self, standalone: bool) -> str:
        """The source of the program that calls run."""
        source = self.donating[0].source
        if not standalone:
            return source.text
        if self.key.backend != "numpy":  # a file in NumPy alone
            source = self.compile(backend="numpy").source
        leaves = list(zip(self.places, self.key.leaves, strict=True))
        return standalone_module(self.spec, leaves, source, self.consts, self.out_tree, self.name)

    def whole(self) -> Jaxpr:
        """The program as staged, whose constants are equations."""
        rows = zip(self.staged.constvars, self.consts, strict=True)
        made = [Eqn(constant_p, (), (v,), {"array": Array(np.asarray(x))}) for v, x in rows]
        staged = self.staged
        return Jaxpr(staged.invars, (), (*made, *staged.eqns), staged.outvars)

    def text_in_c(self) -> str:
        """The whole program as a function in C; its constants are tables."""
        program = elementary(optimize(self.whole()))
        names = [self.spec.name_of(*place) for place in self.inputs]
        return primitives["c_kernel"].text(program, label(self.name) or "main", self.title, names)

    def backend(self) -> str:
        """What the program is written in, and why, for :meth:`Compiled.explain`."""
        backend = self.key.backend
        if backend == "numpy":
            return ""
        made = [self.__dict__.get("program"), *self.__dict__.get("donating", ())[:1]]
        notes = [program.note for program in made if program is not None and program.note]
        told = notes[0] if notes else choice(backend, optimize(self.jaxpr)).told
        return f"; backend {backend!r}: {told}"

    def memory(self) -> MemoryReport:
        source = self.donating[0].source
        return MemoryReport(
            source.arena,
            max((n for *_, n in source.profile), default=0),
            sum(nbytes(v.aval) for v in self.staged.invars),
            sum(nbytes(a.aval) for a in self.jaxpr.outvars),
            sum(nbytes(v.aval) for v in self.staged.constvars),
            tuple([(f"{name} {line}", n) for name, line, n in source.profile]),
        )


class Checks(Code):
    """Lines that flatten a call, and return ``MISS`` unless its key equals the given one.

    They accept arrays of class ndarray, NumPy scalars and Python scalars. A tracer, or an array of
    a subclass, is a miss even if the keys are equal.
    """

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.scope |= {"ndarray": np.ndarray, "generic": np.generic}
        unasked = [None] * len(key.leaves)
        self.facts = zip(key.leaves, key.arrays or unasked, key.strides or unasked, strict=True)
        self.ordered = bool(key.strides)
        self.keywords = key.keywords
        self.bound: dict[Aval, tuple[str, str]] = {}  # the names of dtype and shape
        self.flatten("(args, kwargs)", key.nodes)

    @override
    def leaf(self, x: str) -> None:
        leaf, is_array, strides = next(self.facts)
        name = self.named(x, "x")
        if isinstance(leaf, Static):
            self.require(self.same(name, leaf.value))
            return
        self.leaves.append(name)
        if leaf.weak:
            self.require(f"{name}.__class__ is {type(leaf.dtype.type(0).item()).__name__}")
            return
        if leaf not in self.bound:
            self.bound[leaf] = self.bind(leaf.dtype), self.bind(leaf.shape)
        dtype, shape = self.bound[leaf]
        self.require(f"{name}.dtype is {dtype} or {name}.dtype == {dtype}")
        kind = f"{name}.__class__ is ndarray"
        if not (leaf.shape or is_array):
            scalar = f"isinstance({name}, generic)"
            kind = f"({kind} or {scalar})" if is_array is None else scalar
        self.require(f"{kind} and {name}.shape == {shape}")
        if strides is not None:
            self.require(f"{name}.strides == {tuple([n * leaf.dtype.itemsize for n in strides])}")
        elif self.ordered:
            self.require(f"{name}.flags.c_contiguous")

    @override
    def children(self, x: str, node: Node) -> list[str]:
        _, data, arity = node
        if x == "(args, kwargs)":
            return ["args", "kwargs"]
        if x == "args":  # Python's own tuple; another length raises ValueError
            given = [self.name("a") for _ in range(arity)]
            self.lines.append(f"({', '.join(given)}{',' if given else ''}) = args")
            return given
        if x == "kwargs" and isinstance(data, DictKeys):
            order = f"[*kwargs] == {self.bind([*self.keywords])}" if self.keywords else ""
            self.require((order or f"len(kwargs) == {arity}") if arity else "not kwargs")
            return [f"kwargs[{self.constant(k)}]" for k in data.value]
        return super().children(x, node)


def entry(
    key: Key,
    main: Callable[..., Any],
    consts: Sequence[Any],
    out_tree: tree.TreeDef,
    donated: Sequence[int] = (),
) -> Entry:
    """The function through which the calls with one key run a program.

    Args:
        key: the key.
        main: the compiled program; it takes the constants, and then the dynamic leaves.
        consts: its constants.
        out_tree: the structure of its output.
        donated: the dynamic leaves that it overwrites.
    """
    code = Checks(key)
    if donated:
        _check_donated(code, code.leaves, donated)
    args = ", ".join([*map(code.bind, consts), *code.leaves])
    run = code.bind(main)
    if out_tree.nodes == (None,):
        rest = [f"return {run}({args})[0]"]
    else:
        outs = [f"y{i}" for i in range(out_tree.num_leaves)]
        rest = [f"{', '.join(outs) + ',' if outs else '_'} = {run}({args})"]
        rest.append(f"return {built(code, out_tree, outs)}")
    return code.define("entry", "args, kwargs", code.lines, rest)


def _check_donated(code: Checks, names: Sequence[str], donated: Sequence[int]) -> None:
    """Require that donated arrays are contiguous, and share their memory with no other array."""
    owners = [names[i] for i in donated]
    for name in owners:
        code.require(f"{name}.base is None and {name}.flags.carray")
    others = ", ".join(n for n in names if n not in owners)
    code.scope["apart"] = apart
    code.require(f"apart(({', '.join(owners)},), ({others}{',' if others else ''}))")


def apart(owners: Sequence[np.ndarray], others: Sequence[Any]) -> bool:
    """Whether arrays that own their memory share it with none of the others."""
    own = set(map(id, owners))
    if len(own) < len(owners):
        return False
    for x in others:
        base = getattr(x, "base", None)
        if id(x) in own or id(base) in own:
            return False
        plain = base is None or (type(base) is np.ndarray and base.base is None)
        if not plain and any(np.may_share_memory(x, owner) for owner in owners):
            return False
    return True

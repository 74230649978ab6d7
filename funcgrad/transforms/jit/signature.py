"""Signatures of a compiled function: what tells one call from another, and what each one runs."""

import inspect
import operator
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...compile.buffers import nbytes
from ...compile.memory import MemoryReport, matched
from ...compile.program import Program, compiled
from ...core import tree
from ...core.avals import PYTHON_SCALARS, aval_of, is_arraylike
from ...core.axes import axis_env, bind_axes
from ...core.cache import lazy
from ...core.errors import MemoryLimitError, shown
from ...core.integers import several
from ...core.jaxpr import ClosedJaxpr
from ...core.static import typed
from ...core.trace import Tracer
from ..arguments import Origin, Place, described
from ..jaxprs import constants_as_inputs
from ..namedaxes import NamedAxis, axis_key, tokens, with_axes
from ..staging import stage, with_numbers
from .entry import entry
from .primitive import call_p, checked_call_p, compiled_of
from .wrapper import standalone_module


class Static:
    """A static argument, which is one leaf whatever it holds; a method's object comes as one."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and bool(typed(self.value) == typed(other.value))

    def __hash__(self) -> int:
        return hash(self.value)


class FlatCall(NamedTuple):
    """One call taken apart: its leaves, which of them move, and the key of its signature."""

    leaves: list[Any]
    in_tree: tree.TreeDef
    dynamic: list[bool]
    places: list[tuple[Place, tree.Path]]
    avals: list[Any]  # of each leaf its aval, or its static value
    key: Hashable

    @property
    def operands(self) -> list[Any]:
        return [x for x, m in zip(self.leaves, self.dynamic, strict=True) if m]


class ArgSpec:
    """How the arguments of a function are sorted: static, donated, dynamic."""

    def __init__(self, fun: Callable[..., Any], **options: Any) -> None:
        self.fun, self.memory_limit, self.threads = fun, options["memory_limit"], options["threads"]
        self.call_p = checked_call_p if options["debug_nans"] else call_p
        for name, least in (("threads", 1), ("memory_limit", 0)):
            value = options[name]
            whole = hasattr(value, "__index__") and not isinstance(value, bool)
            if value is not None and not (whole and operator.index(value) >= least):
                raise ValueError(
                    f"jit: {name} must be a whole number from {least} on: got {shown(value)}"
                )
        self.threads = operator.index(self.threads)
        try:
            self.parameters = list(inspect.signature(fun).parameters.values())
        except (TypeError, ValueError):  # a built-in without a signature
            self.parameters = []
        self.static = self._named("static", options)
        self.donated = self._named("donate", options)
        both = self.static & self.donated
        if both:
            raise ValueError(f"jit: an argument cannot be both static and donated: got {both}")

    def _named(self, word: str, options: dict[str, Any]) -> set[Place]:
        """Return the places chosen, each by position and by name where both are known."""
        nums, names = options[f"{word}_argnums"], options[f"{word}_argnames"]
        nums = () if nums is None else several(nums)
        names = () if names is None else (names,) if isinstance(names, str) else tuple(names)
        keywords = [p.name for p in self.parameters]
        variadic = any(p.kind is p.VAR_KEYWORD for p in self.parameters) or not keywords
        for name in names:
            if name not in keywords and not variadic:
                raise ValueError(f"jit: {word}_argnames names {shown(name)}, which is no argument")
        count = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in self.parameters)
        variadic_positions = any(p.kind is p.VAR_POSITIONAL for p in self.parameters)
        places: set[Place] = set(names)
        for n in nums:
            if not hasattr(n, "__index__"):
                raise TypeError(f"jit: {word}_argnums must be integers: got {shown(n)}")
            n = operator.index(n)
            if not -count <= n < count and not variadic_positions and self.parameters:
                raise ValueError(
                    f"jit: {word}_argnums={n} names no argument: the function takes {count}"
                )
            n = n + count if n < 0 else n
            places.add(n)
            if n < count and self.parameters[n].kind is not inspect.Parameter.POSITIONAL_ONLY:
                places.add(self.parameters[n].name)
        places.update(keywords.index(name) for name in names if name in keywords[:count])
        return places

    def flatten(self, args: tuple, kwargs: dict[str, Any]) -> FlatCall:
        """Take a call apart.

        Raises:
            TypeError: if an argument is neither array, tree nor hashable value, naming it.
        """
        given: list[tuple[Place, Any]] = [*enumerate(args), *kwargs.items()]
        fixes = lambda p, x: p in self.static and not isinstance(x, Static)
        wrapped = {p: Static(x) if fixes(p, x) else x for p, x in given}
        positional = tuple([wrapped[i] for i in range(len(args))])
        leaves, in_tree = tree.flatten((positional, {k: wrapped[k] for k in kwargs}))
        dynamic = [is_arraylike(x) for x in leaves]
        keys: list[Hashable] = []
        avals: list[Any] = []
        for i, (x, m) in enumerate(zip(leaves, dynamic, strict=True)):
            if m:
                aval = aval_of(x)
                if aval.dtype.kind not in "biufc":
                    raise TypeError(
                        f"jit: an argument must hold numbers: got {aval.dtype}; convert it, or "
                        f"name it in static_argnums"
                    )
                avals.append(aval)
                keys.append(aval)
            else:
                # a call of a method comes with its object wrapped, and is compared so
                bound = any(x is y for _, y in given)
                value = x if bound or not isinstance(x, Static) else x.value
                self._check_static(positional, kwargs, wrapped, i, x)
                avals.append(value)
                keys.append(typed(value))
        axes = tuple([axis_key(name, axis) for name, axis in axis_env.get({}).items()])
        key = (in_tree.typed(), tuple(keys), axes)
        try:
            hash(key)
        except TypeError as err:
            raise TypeError(
                f"jit: what is static in the arguments' trees must be hashable: {err}"
            ) from None
        return FlatCall(leaves, in_tree, dynamic, [], avals, key)

    def _check_static(self, args: Any, kwargs: Any, wrapped: Any, i: int, x: Any) -> None:
        """Raise unless a leaf that is no array can be part of a key."""
        fixed = isinstance(x, Static)
        value = x.value if fixed else x
        try:
            hash(value)
            if fixed or callable(value) or type(value).__hash__ is not object.__hash__:
                return
            cure = "name it in static_argnums if it never changes, or register its class as a tree"
        except TypeError:
            cure = "make it a tuple, or a frozen dataclass" if fixed else "pass an array"
        place, path = self.places(args, {k: wrapped[k] for k in kwargs})[i]
        kind = "static, and must be hashable" if fixed else "no array, and cannot be part of a key"
        raise TypeError(
            f"jit: {described(self.fun, place, path)} is {kind}: got {type(value).__name__}; {cure}"
        )

    def places(self, args: Sequence[Any], kwargs: Any) -> list[tuple[Place, tree.Path]]:
        """Return of each leaf its argument, and the path there."""
        pairs: list[tuple[Place, Any]] = [*enumerate(args)]
        pairs += [(k, kwargs[k]) for k in sorted(kwargs)]
        return [(p, path) for p, x in pairs for path, _ in tree.leaves_with_path(x)]

    def stage(self, call: FlatCall, serial: int) -> "Signature":
        """Return the signature of a call, its function staged."""
        args, kwargs = tree.unflatten(call.in_tree, call.leaves)
        call = call._replace(places=self.places(args, kwargs))

        # the tokens of named axes are operands, for each call has its own
        env = axis_env.get({})

        def on_leaves(tracers: list[Any]) -> Any:
            rest = iter(tracers)
            axes = {name: axis._replace(token=next(rest)) for name, axis in env.items()}
            values = [
                next(rest) if m else x for x, m in zip(call.leaves, call.dynamic, strict=True)
            ]
            values = [x.value if isinstance(x, Static) else x for x in values]
            positional, keywords = tree.unflatten(call.in_tree, values)
            with bind_axes(axes):
                return self.fun(*positional, **keywords)

        avals = [aval_of(axis.token) for axis in env.values()]
        avals += [a for a, m in zip(call.avals, call.dynamic, strict=True) if m]
        closed, out_tree = stage(Origin("jit", self.fun), on_leaves, avals)
        closed = with_axes(closed, list(env))
        closed = with_numbers(closed)
        return Signature(self, call._replace(leaves=[]), closed, out_tree, serial)

    def name_of(self, place: Place, path: tree.Path) -> str:
        """Return how the source calls a leaf of an argument."""
        if isinstance(place, int):
            named = [p for p in self.parameters if p.kind is not p.VAR_POSITIONAL]
            fits = place < len(named) and named[place].kind is not inspect.Parameter.KEYWORD_ONLY
            place = named[place].name if fits else f"arg{place}"
        try:
            return place + tree.keystr(path)
        except Exception:  # a key that has no repr
            return f"{place}[...]"


class Signature:
    """One way to call a function: its program, compiled when it first runs on arrays.

    Args:
        spec: the function.
        call: a call of this signature.
        closed: the program as it was staged.
        out_tree: the structure of the output.
        serial: how many signatures the function had had before.
    """

    def __init__(
        self,
        spec: ArgSpec,
        call: FlatCall,
        closed: ClosedJaxpr,
        out_tree: tree.TreeDef,
        serial: int,
    ) -> None:
        self.spec, self.call, self.out_tree, self.serial = spec, call, out_tree, serial
        self.staged = closed.jaxpr
        self.consts = closed.consts
        self.jaxpr = constants_as_inputs(closed.jaxpr)
        name = getattr(spec.fun, "__name__", None)
        self.name = name if isinstance(name, str) else type(spec.fun).__name__
        self.lasts = not any(isinstance(x, Tracer) for x in self.consts)
        # of the program alone; what the tracers of outer transforms wrap may be the user's
        self.jaxpr.memo["own constants"] = len(self.consts) if self.lasts else 0
        self.named = any(isinstance(x, NamedAxis) for x in self.consts)

    @property
    def operands(self) -> tuple[Any, ...]:
        """Return the constants, with the tokens of the named axes around this call."""
        return tokens(self.consts) if self.named else self.consts

    @property
    def closed(self) -> ClosedJaxpr:
        """Return the program as it was staged."""
        return ClosedJaxpr(self.staged, self.operands)

    def programs(self) -> list[Program]:
        """Return the programs that were compiled, those of derivatives too."""
        donating, _ = self.__dict__.get("donating", (None, None))
        found = {id(p): p for p in (self.__dict__.get("program"), donating) if p is not None}
        return [*found.values(), *compiled_of(self.jaxpr)]

    @property
    def donated(self) -> list[int]:
        """Return which of the dynamic leaves may be written over."""
        dynamic = [p for p, m in zip(self.call.places, self.call.dynamic, strict=True) if m]
        return [i for i, (place, _) in enumerate(dynamic) if place in self.spec.donated]

    def donors(self) -> list[int | None]:
        """Return for each output the input over which it is written, if any."""
        offers = [i + len(self.consts) for i in self.donated]
        avals = [self.jaxpr.invars[i].aval for i in offers]
        wanted = [a.aval if a.aval.shape else None for a in self.jaxpr.outvars]
        return [None if j is None else offers[j] for j in matched(wanted, avals)]

    def names(self) -> list[str]:
        rows = zip(self.call.places, self.call.dynamic, strict=True)
        inputs = [self.spec.name_of(*place) for place, m in rows if m]
        return [*(f"constant{i}" for i in range(len(self.consts))), *inputs]

    def compile(self, donors: Sequence[int | None]) -> Program:
        fun = self.spec.fun
        code = getattr(inspect.unwrap(fun), "__code__", None)
        where = f" ({code.co_filename.rpartition('/')[2]}:{code.co_firstlineno})" if code else ""
        title = f"{self.name}{where}, compiled by funcgrad."
        limit, threads = self.spec.memory_limit, self.spec.threads
        constants = self.consts if self.lasts and not self.named else ()
        return compiled(
            self.jaxpr, self.name, self.names(), donors, title, limit, threads, constants
        )

    @lazy
    def program(self) -> Program:
        """Return the program that writes over no argument."""
        return self.compile([None] * len(self.jaxpr.outvars))

    @lazy
    def donating(self) -> tuple[Program, list[int]]:
        """Return the program that calls run, and the leaves over which it writes.

        Where writing over arguments takes more memory than it saves, it is not done.
        """
        donors = self.donors() if self.donated else []
        if all(d is None for d in donors):
            return self.program, []
        try:
            program = self.compile(donors)
        except MemoryLimitError:
            return self.program, []
        return program, sorted({d - len(self.consts) for d in donors if d is not None})

    def is_traced(self, leaves: Sequence[Any]) -> bool:
        """Return whether a transform, or a check, runs around a call with these leaves."""
        if self.named or not self.lasts or self.spec.call_p is checked_call_p:
            return True
        return any(isinstance(x, Tracer) for x in leaves)

    def bind(self, leaves: Sequence[Any]) -> Any:
        """Apply the program to the leaves of a call as an operation that transforms see."""
        outs = self.spec.call_p.bind(*self.operands, *leaves, jaxpr=self.jaxpr, name=self.name)
        return tree.unflatten(self.out_tree, outs)

    def run(self, leaves: Sequence[Any]) -> Any:
        """Run the program that writes over nothing, on leaves that the entry did not take."""
        for x in leaves:
            if not isinstance(x, (np.ndarray, np.generic)) and type(x) not in PYTHON_SCALARS:
                raise TypeError(
                    f"jit: {self.name} was called with {shown(x)}, "
                    f"which has no numbers: ask for its "
                    f"source, jaxpr or memory with it instead"
                )
        plain = [np.asarray(x) if isinstance(x, np.ndarray) else x for x in leaves]
        return tree.unflatten(self.out_tree, self.program.main(*self.consts, *plain))

    @lazy
    def entry(self) -> Callable[[tuple, dict], Any]:
        """Return the function that calls of this signature go through: straight to the program."""
        (program, used), given = self.donating, self.call
        return entry(
            given.in_tree,
            given.avals,
            given.dynamic,
            program.main,
            self.consts,
            self.out_tree,
            used,
        )

    def frozen(self) -> tuple[Any, ...]:
        """Return what the call needs when the function is not there, to be pickled."""
        given = self.call
        return (
            given.in_tree, given.avals, given.dynamic, self.program, self.consts, self.out_tree
        )  # fmt: skip

    def text(self, standalone: bool) -> str:
        """Return the source of what a call runs."""
        source = self.donating[0].source
        if not standalone:
            return source.text
        return standalone_module(
            self.spec, self.call, source, self.consts, self.out_tree, self.name
        )  # fmt: skip

    def memory(self) -> MemoryReport:
        program, _ = self.donating
        return MemoryReport(
            program.source.arena,
            max((n for _, n in program.source.profile), default=0),
            sum(nbytes(v.aval) for v in self.staged.invars),
            sum(nbytes(a.aval) for a in self.jaxpr.outvars),
            sum(nbytes(v.aval) for v in self.staged.constvars),
            program.source.profile,
        )

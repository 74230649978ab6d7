"""Primitives, traces and tracers: the arguments of an operation decide which trace processes it.

Every trace has a serial number, and :meth:`Primitive.bind` passes an operation to the innermost
trace (largest serial) among the tracers in its arguments; all other arguments are constants to it.
Without a tracer NumPy runs it. While a branch is staged, it takes operations on older tracers too;
no other state is ambient: threads, generators, exceptions are safe.
"""

import itertools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar, NoReturn

import numpy as np

from .avals import Aval, aval_of
from .companions import (
    COMPANIONS,
    NO_CODEGEN,
    NO_DEPENDENCE,
    NO_JOINT_RULES,
    NO_MASKING,
    NO_PROGRAMS,
    NO_SERIES,
    NO_VIEWING,
    Codegen,
    Dependence,
    HoldsPrograms,
    JointRules,
    Masking,
    Series,
    Viewing,
)
from .errors import (
    ConcretizationError,
    FuncgradError,
    LeakedTracerError,
    MissingRuleError,
    MutationError,
)
from .in_place_mixin import InPlaceMixin, refuse_shape
from .memory import Steps, is_forgotten, note_outside, path_of, recompute
from .registry import branches, is_builtin_name, load, overrides, primitive, primitives

serials = itertools.count(1)  # of traces, and of arrays that belong to none

# the trace of the innermost transform that runs a function; it is set inside of the ``try`` and
# restored by the first statement of ``finally``, so that an interrupt leaves nothing behind
running: ContextVar["Trace | None"] = ContextVar("running", default=None)


class Trace:
    """One run of one transform over one function."""

    writes_in_place: ClassVar[bool] = False  # True: an array is written in a buffer of the trace
    runs_for_all: ClassVar[bool] = False  # True: one run of the function stands for all its calls

    # fmt: off
    __slots__ = (
        "around", "count", "dead", "escaped", "inner", "masked", "origin", "rebinds", "serial",
        "takes_effects", "took", "wrote",
    )
    # fmt: on

    def __init__(self, origin: object, masked: bool = False) -> None:
        self.serial = next(serials)
        self.count = 0  # of the values that it has made
        # the traces around it, from the innermost, and the count of each
        self.around: tuple[tuple[Trace, int], ...] = ()
        if (outer := running.get()) is not None:
            traces = (outer, *(each for each, _ in outer.around))
            self.around = tuple([(each, each.count) for each in traces])
        self.dead = False
        self.masked = masked  # whether derivatives inside are computed with masks, see paths.py
        # whether x += y gives a new array, as for immutable arrays
        self.rebinds: bool = outer is not None and outer.rebinds
        self.takes_effects = False  # whether effects become equations, see effects.py
        self.took = False  # whether it read a buffer that was made before it began
        self.wrote = False  # whether an array was written in place while it ran
        self.escaped = 0  # how many writes of transforms inside reached arrays made outside these
        self.inner = False  # whether one was computed inside, without masks
        self.origin = origin  # the transform and its function, for error messages

    def position(self, x: Any) -> int:
        """When a tracer of this trace was made, by the count at that time."""
        return self.count

    def check_alone(self, x: Any) -> None:
        """Raise if an ndarray shares the memory of a tracer, which leaves this trace by a write."""

    def began_before(self, trace: "Trace", position: int) -> bool:
        """Whether this trace began before an array was made, at that position of its trace."""
        if trace.serial >= self.serial:
            return True
        if not trace.serial:  # of a buffer, whose position is a serial number
            return position > self.serial
        return any(outer is trace and position > count for outer, count in self.around)

    def note_write(self, x: Any, made_in: "Trace", position: int) -> None:
        """Note a write in place; raise if it is one of several, or of none, and made outside."""
        inner = running.get() or self
        for trace in (inner, *[outer for outer, _ in inner.around]):
            if trace.runs_for_all and not trace.began_before(made_in, position):
                raise MutationError(
                    f"an array made before {trace.origin} began cannot be written inside, as one "
                    f"run stands for all: got {x.aval}; write into a copy made inside, x = x.copy()"
                )
        note_outside(inner, made_in, position)
        for trace in (self, *(outer for outer, _ in self.around)):
            trace.wrote = True

    def gives_scalar(self, x: Any) -> bool:
        """Whether an abstract 0-d tracer is a scalar in NumPy."""
        return True

    def strides(self, x: Any) -> tuple[int, ...]:
        """The strides of an abstract tracer as NumPy would have them, in elements."""
        raise MissingRuleError(f"{type(self).__name__} defines no strides()")

    def order(self, x: Any) -> Any:
        """What is known of the strides of an abstract tracer, to be asked later; None: C order."""
        return x

    def lay_out(self, x: Any, strides: tuple[int, ...]) -> None:
        """Note the strides that an abstract tracer would have in NumPy."""
        raise MissingRuleError(f"{type(self).__name__} defines no lay_out()")

    def write(
        self, x: Any, steps: Steps, value: Any, arrays: Sequence[Any], index: Any
    ) -> Callable[[], None] | None:
        """The write of ``view[index]`` in a buffer, or None; steps lead from ``x`` to the view."""
        return None

    def reread(self, x: Any, steps: Steps) -> Any:
        """The content of a view of ``x``, after a write."""
        return path_of(x, steps)[-1]

    def shared(self, x: Any) -> Any:
        """The value of a tracer that may be an array of the user's, or None."""
        return None

    def rewrapped(self, x: Any, change: Callable[[Any], Any]) -> Any:
        """A tracer with ``change`` applied to its ``shared`` value."""
        return x

    def process(self, prim: "Primitive", args: tuple, params: dict) -> Sequence[Any]:
        """Apply an operation; outputs that depend on this trace are its tracers."""
        raise MissingRuleError(f"{type(self).__name__} defines no process()")

    def late(self, prim: "Primitive", args: tuple, params: dict) -> Sequence[Any]:
        """Process an operation that is called after the transform has returned: raise."""
        self.alive(args)
        return self.process(prim, args, params)

    def diverted(self, prim: "Primitive", args: tuple, params: dict) -> Sequence[Any]:
        """Process an operation of a trace that is dead, or while branches are staged."""
        if self.dead:
            return self.late(prim, args, params)
        found: Sequence[Any] = overrides["diverted"](self, prim, args, params)
        return found

    def alive(self, args: Sequence[Any]) -> None:
        """Raise for its tracers among these if the transform that owns this trace has returned."""
        if self.dead:
            got = next(str(x.aval) for x in args if getattr(x, "_trace", None) is self)
            raise LeakedTracerError(
                f"a traced value was used after its transform had returned: got {got}, created in "
                f"{self.origin}; return it from that function (has_aux=True)"
            )


class Tracer(InPlaceMixin):
    """A value under a transform, with the interface of an ndarray, see ``NDArrayMixin``."""

    # ndarray.trace is a method; all classes have the same slots, since a write changes the class
    __slots__ = ("__weakref__", "_mark", "_memory", "_note", "_trace", "value")
    _trace: Trace
    _note: Any
    _mark: Any  # what the trace adds to the value: a number, a tangent, an axis, a variable
    _memory: Any  # an Owner or a View, see memory.py; None while no other array shares its elements
    value: Any  # one level down, where it is known
    _line: Any = None  # of user code that computed it, if known
    _tangent: Any = None  # its tangent, in forward mode

    _content: ClassVar[frozenset[str]] = frozenset()  # names of the slots that a write changes
    _uses: ClassVar[tuple[str, ...]] = ("value",)  # which of them are set, beside ``_mark``

    def __init_subclass__(cls) -> None:
        slots = {MARK, NOTE}
        own = {name for name, x in vars(cls).items() if x.__hash__ and x in slots}
        cls._content = cls._content | own | {"value", "_mark", "_note"}

    def _detach(self) -> None:
        """Keep the content that the tracer has now, whatever is written to its memory."""

    def __getattr__(self, name: str) -> Any:
        if name in self._content and is_forgotten(self):
            recompute(self)
            return getattr(self, name)
        return super().__getattr__(name)


# the slots, by which a class of tracers names what its trace adds
MARK: Any = vars(Tracer)["_mark"]
NOTE: Any = vars(Tracer)["_note"]


class ConcreteTracer(Tracer):
    """A tracer with a known value, one level down."""

    __slots__ = ()

    @property
    def aval(self) -> Aval:
        return aval_of(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        try:
            return self.value.shape
        except AttributeError:  # a Python scalar
            return ()

    @shape.setter
    def shape(self, shape: tuple[int, ...]) -> None:
        refuse_shape(self, shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        try:
            return self.value.dtype
        except AttributeError:
            return aval_of(self.value).dtype

    def __bool__(self) -> bool:
        if self._trace.dead:
            self._trace.alive([self])
        return bool(self.value)  # locally constant, as a comparison is: no derivative is lost

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if dtype is None or np.dtype(dtype).kind not in "biu":
            return super().__array__()
        if self._trace.dead:
            self._trace.alive([self])
        return np.array(self.value, dtype)  # as for astype: integers carry no derivative

    def __repr__(self) -> str:
        return f"Traced({self.value!r})"

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)


def is_concrete(x: Any) -> bool:
    """Whether a value is concrete, under any transforms."""
    while isinstance(x, ConcreteTracer):
        x = x.value
    return not isinstance(x, Tracer)


class AbstractTracer(Tracer):
    """A tracer without one concrete value: it is unknown while staging, or one for each example."""

    __slots__ = ()
    _cure: ClassVar[str] = "keep it an array"

    def unknown(self) -> str:
        """The aval, and the reason why there is no concrete value."""
        return str(self.aval)

    def _refuse(self, what: str, cure: str | None = None) -> NoReturn:
        got = self.unknown()
        words = f"{what}: the value must be concrete: got {got}; {cure or self._cure}"
        raise ConcretizationError(load("funcgrad.core.callers").refused_by(got) or words, aval=got)

    def __bool__(self) -> bool:
        self._refuse("bool(), as in `if x:` or `while x:`", "use numpy.where to choose")

    def __float__(self) -> float:
        self._refuse("float()")

    def __int__(self) -> int:
        self._refuse("int()")

    def __index__(self) -> int:
        self._refuse("an index or a size")


class Primitive:
    """An operation: seven rules, and companions where it takes part in more.

    The rules are ``run``, ``infer``, ``jvp``, ``vjp``, ``batch``, ``is_linear`` and
    ``differentiable``. A family is a subclass that supplies most of them, a member is an instance.
    Arrays are positional, static parameters keyword-only and hashable, results always a tuple.
    """

    differentiable: ClassVar[bool] = True  # False: outputs carry no derivative, by decision
    has_effect: ClassVar[bool] = False  # True: its equations stay in programs, see effects.py
    is_builtin: bool = False  # True: its name is taken

    joint: JointRules = NO_JOINT_RULES
    holds: HoldsPrograms = NO_PROGRAMS
    masking: Masking = NO_MASKING
    codegen: Codegen = NO_CODEGEN
    viewing: Viewing = NO_VIEWING
    dependence: Dependence = NO_DEPENDENCE
    series: Series = NO_SERIES
    decompose: Any = None  # *xs, **params -> outs, made of simpler primitives: ops/elementary.py

    def __init__(self, name: str) -> None:
        self.is_builtin = is_builtin_name(name)
        self.name = name
        for companion, kind in COMPANIONS.items():
            if isinstance(self, kind):
                setattr(self, companion, self)
        primitives[name] = self

    def run(self, *args: Any, **params: Any) -> tuple[Any, ...]:
        """Compute the outputs by NumPy."""
        raise self.missing("run")

    def infer(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        """Avals of the outputs; every error about the operands is raised here."""
        raise self.missing("infer")

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], outs: Sequence[Any], **params: Any
    ) -> Sequence[Any]:
        """Tangents of the outputs; a tangent of None is zero."""
        raise self.missing("jvp")

    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        """One cotangent an operand, None where ``needs`` is; by default ``jvp`` is transposed."""
        return overrides["vjp_by_transposition"](self, cts, needs, outs, ins, **params)

    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        """Whether the outputs are linear in these operands jointly."""
        return False

    def batch(
        self, args: Sequence[Any], axes: Sequence[int | None], size: int, /, **params: Any
    ) -> tuple[Sequence[Any], Sequence[int | None]]:
        """Apply to all examples at once: the outputs, and the batch axis of each."""
        raise self.missing("batch")

    def bind(self, *args: Any, **params: Any) -> Sequence[Any]:
        """Apply to arrays and tracers: the innermost trace among them processes the operation."""
        trace = None
        for x in args:
            if isinstance(x, Tracer) and (trace is None or x._trace.serial > trace.serial):
                trace = x._trace
        if trace is None:
            return self.run(*args, **params)
        if trace.dead or branches:
            return trace.diverted(self, args, params)
        return trace.process(self, args, params)

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Apply a primitive of one output; where NumPy raises, ``infer`` explains the error."""
        try:
            trace = None  # bind() inlined: one call less on the hottest path
            for x in args:
                if isinstance(x, Tracer) and (trace is None or x._trace.serial > trace.serial):
                    trace = x._trace
            if trace is None:
                return self.run(*args, **params)[0]
            if trace.dead or branches:
                return trace.diverted(self, args, params)[0]
            return trace.process(self, args, params)[0]
        except (FuncgradError, TypeError, ValueError) as err:
            raise self.explained(err, args, params) from None

    def explained(self, err: Exception, args: Sequence[Any], params: dict[str, Any]) -> Exception:
        """The error of ``infer`` for one of NumPy; our own errors lose the frames below."""
        # infer runs only after NumPy refused: good errors cost nothing until they are needed
        if not isinstance(err, FuncgradError):
            try:
                self.infer(*map(aval_of, args), **params)
            except FuncgradError as complaint:
                return complaint.with_traceback(None)
            return err
        return err.with_traceback(None)

    def missing(self, rule: str) -> MissingRuleError:
        family = type(self)
        loop = ", or set it to funcgrad.extend.by_loop" if rule == "batch" else ""
        return MissingRuleError(
            f"primitive {self.name!r} has no {rule!r} rule: define {family.__name__}.{rule} "
            f"in {family.__module__}{loop}"
        )

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        return primitive, (self.name,)

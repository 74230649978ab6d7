"""Primitives, traces and tracers: who runs an operation is read off its arguments.

Every trace has a serial number, and :meth:`Primitive.bind` hands an operation to the youngest
trace among the tracers in its arguments; to that trace all other arguments are constants. With
no tracer NumPy runs it. Nothing is ambient, so threads, generators and exceptions are safe.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NoReturn

import numpy as np

from .avals import Aval, aval_of
from .companions import (
    NO_CODEGEN,
    NO_JOINT_RULES,
    NO_MASKING,
    NO_PROGRAMS,
    Codegen,
    HoldsPrograms,
    JointRules,
    Masking,
)
from .errors import (
    ConcretizationError,
    FuncgradError,
    LeakedTracerError,
    MissingRuleError,
)
from .floating import keep, redirected, settings
from .ndarray_mixin import ArrayLike
from .registry import claimed, primitive, primitives

_serials = itertools.count(1)


class Trace:
    """One run of one transform over one function."""

    __slots__ = ("dead", "inner", "masked", "origin", "serial")

    def __init__(self, origin: object, masked: bool = False) -> None:
        self.serial = next(_serials)
        self.dead = False
        self.masked = masked  # whether derivatives within are taken with masks, see paths.py
        self.inner = False  # whether one was taken within, without masks
        self.origin = origin  # whose run this is, for the words of errors

    def shared(self, x: Any) -> Any:
        """Return what a tracer wraps that may be an array of the user's, or None."""
        return None

    def rewrapped(self, x: Any, change: Callable[[Any], Any]) -> Any:
        """Return a tracer with ``change`` of that in its place."""
        return x

    def process(self, prim: "Primitive", args: tuple, params: dict) -> Sequence[Any]:
        """Return the outputs of one operation, as tracers of this trace where they depend on it."""
        raise MissingRuleError(f"{type(self).__name__} defines no process()")

    def late(self, prim: "Primitive", args: tuple, params: dict) -> Sequence[Any]:
        """Process an operation that is asked for after the transform has returned: refuse."""
        self.alive()
        return self.process(prim, args, params)

    def alive(self) -> None:
        """Raise if the transform that owns this trace has returned."""
        if self.dead:
            raise LeakedTracerError(
                f"a traced value was used after its transform had returned: it was born in "
                f"{self.origin}; return it from that function (has_aux=True), or keep "
                f"stop_gradient(x) instead of x"
            )


def pointed(fun: Callable[..., Any], *args: Any) -> Any:
    """Call a function while NumPy's floating-point warnings point at the user's line."""
    now = redirected(settings.get())
    if now is None:
        return fun(*args)
    token = settings.set(now)
    try:
        return fun(*args)
    finally:
        if settings.get() is now:
            settings.reset(token)
        else:
            keep()


class Tracer(ArrayLike):
    """A value under a transform. It behaves as an ndarray; see ``ArrayLike`` for how."""

    __slots__ = ("_trace",)  # with an underscore, because ndarray.trace is a method
    _trace: Trace
    _line: Any = None  # of the user's code that asked for it, where that is known
    _tangent: Any = None  # that travels with it


def is_walked(x: Any) -> bool:
    """Return whether a value belongs to a tape that is walking back."""
    while isinstance(x, Tracer):
        if getattr(x._trace, "walking", 0):
            return True
        x = getattr(x, "value", None)
    return False


class ConcreteTracer(Tracer):
    """A tracer whose value, one level down, is known."""

    __slots__ = ("value",)
    value: Any

    @property
    def aval(self) -> Aval:
        return aval_of(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        try:
            return self.value.shape
        except AttributeError:  # a Python scalar
            return ()

    @property
    def dtype(self) -> np.dtype[Any]:
        try:
            return self.value.dtype
        except AttributeError:
            return aval_of(self.value).dtype

    def __bool__(self) -> bool:
        if self._trace.dead:
            self._trace.alive()
        return bool(self.value)  # locally constant, as a comparison is: no derivative is lost

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if dtype is None or np.dtype(dtype).kind not in "biu":
            return super().__array__()
        if self._trace.dead:
            self._trace.alive()
        return np.array(self.value, dtype)  # as astype does: integers carry no derivative

    def __repr__(self) -> str:
        return f"Traced({self.value!r})"

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)


class AbstractTracer(Tracer):
    """A tracer behind which there is not one number: none is known yet, or there are many."""

    __slots__ = ()

    def unknown(self) -> str:
        """Return why there is not one number, and what to write instead."""
        return str(self.aval)

    def _refuse(self, what: str) -> NoReturn:
        raise ConcretizationError(f"{what}: one number is asked of {self.unknown()}")

    def __bool__(self) -> bool:
        self._refuse("bool(), as in `if x:` or `while x:`")

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
    is_librarys: bool = False  # True: its name is taken

    joint: JointRules = NO_JOINT_RULES
    holds: HoldsPrograms = NO_PROGRAMS
    masking: Masking = NO_MASKING
    codegen: Codegen = NO_CODEGEN
    decompose: Any = None  # *xs, **params -> outs, made of simpler primitives: ops/elementary.py

    def __init__(self, name: str) -> None:
        self.is_librarys = claimed(name)
        self.name = name
        if isinstance(self, JointRules):
            self.joint = self
        if isinstance(self, HoldsPrograms):
            self.holds = self
        if isinstance(self, Masking):
            self.masking = self
        if isinstance(self, Codegen):
            self.codegen = self
        primitives[name] = self

    def run(self, *args: Any, **params: Any) -> tuple[Any, ...]:
        """Return what NumPy computes."""
        raise self.missing("run")

    def infer(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        """Return the outputs' avals; every complaint about the inputs is made here."""
        raise self.missing("infer")

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], outs: Sequence[Any], **params: Any
    ) -> Sequence[Any]:
        """Return the outputs' tangents; a tangent of None is zero."""
        raise self.missing("jvp")

    # cts, needs, outs, ins, **params -> one cotangent an operand, None where needs is None.
    # A primitive that leaves this None is linearized by its jvp and transposed.
    vjp: Any = None

    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        """Return whether the outputs are linear in these operands together."""
        return False

    def batch(
        self, args: Sequence[Any], axes: Sequence[int | None], size: int, /, **params: Any
    ) -> tuple[Sequence[Any], Sequence[int | None]]:
        """Return the outputs, and which of their axes is the batch, given the operands' axes."""
        raise self.missing("batch")

    def bind(self, *args: Any, **params: Any) -> Sequence[Any]:
        """Apply to arrays and tracers: the youngest trace among them decides what happens."""
        trace = None
        for x in args:
            if isinstance(x, Tracer) and (trace is None or x._trace.serial > trace.serial):
                trace = x._trace
        if trace is None:
            return self.run(*args, **params)
        if trace.dead:
            return trace.late(self, args, params)
        return trace.process(self, args, params)

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Apply a primitive of one output; where NumPy refuses, let ``infer`` explain."""
        try:
            trace = None  # bind() over again: one call less in the innermost loop of all
            for x in args:
                if isinstance(x, Tracer) and (trace is None or x._trace.serial > trace.serial):
                    trace = x._trace
            if trace is None:
                return self.run(*args, **params)[0]
            if trace.dead:
                return trace.late(self, args, params)[0]
            return trace.process(self, args, params)[0]
        except (FuncgradError, TypeError, ValueError) as err:
            raise self.explained(err, args, params) from None

    def explained(self, err: Exception, args: Sequence[Any], params: dict[str, Any]) -> Exception:
        """Return our own error without the frames below it, or what ``infer`` says of another's."""
        # asked only now: good words cost nothing until they are needed
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

"""grad, value_and_grad and vjp: reverse mode as users call it."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, overload

import numpy as np

from ..core import tree
from ..core.avals import aval_of, dtype_of, is_arraylike
from ..core.buffers import as_given
from ..core.errors import DtypeError, MutatedError, NonScalarError
from ..core.floating import quiet, settings
from ..core.lazy import answering
from ..core.ownership import copied, unaliased
from ..core.pickling import PicklableFunction
from ..core.trace import Tracer, running
from ..ops.structure import zeros_like
from .arguments import (
    DiffArguments,
    Origin,
    as_tangent,
    call_with_aux,
    check_callable,
    check_leaves,
    diff_arguments,
    differentiated,
    flatten_like,
    zero_of,
)
from .nans import beside, debugging
from .options import check_options
from .reverse import Tape
from .seeds import over_paths
from .snapshots import check_repeated, concrete_copies, with_argument
from .staging import is_staged
from .typevars import P, R, X
from .untraced import protected

# argnums, argnames, has_aux, holomorphic, allow_int
Options: TypeAlias = tuple[Any, Any, bool, bool, bool]
_FLAGS = ("has_aux", "holomorphic", "allow_int")


class Recording:
    """A function that has run on a tape, and may run again for a derivative with masks.

    Args:
        origin: whose run it is.
        fun: leaves -> (leaves of the output, what is not differentiated, a tree).
        leaves: of the arguments.
        tracked: which of them are differentiated.
        hand: how the others are handed to the function, see untraced.py.
        lasting: whether the way back may be walked later, and more than once.
    """

    inputs: Sequence[Any]
    outs: Sequence[Any]
    numbers: Sequence[Any]

    # fmt: off
    __slots__ = (
        "fun", "hand", "inputs", "leaves", "marks", "numbers", "outs", "rest", "tape", "tracked",
    )
    # fmt: on

    def __init__(
        self,
        origin: object,
        fun: Callable[[list[Any]], tuple[Sequence[Any], Any]],
        leaves: Sequence[Any],
        tracked: Sequence[bool],
        hand: Callable[[Any], Any],
        lasting: bool = False,
    ) -> None:
        self.fun, self.leaves, self.tracked, self.hand = fun, leaves, tracked, hand
        self.record(Tape(origin, lasting))
        # what a second run, for masks, has to repeat
        self.marks = concrete_copies(self.outs) if lasting and self.tape.inner else None

    def record(self, tape: Tape) -> None:
        self.tape = tape
        leaves, tracked = self.leaves, self.tracked
        before = running.get()
        try:
            running.set(tape)
            if all(tracked):  # the common case
                inputs: list[Any] = list(map(tape.input, leaves))
                # before the function may write into them; of small arguments the values are copies
                self.leaves = [x.value for x in inputs]
                self.inputs = [x.number for x in inputs]
            else:
                rows = zip(leaves, tracked, strict=True)
                inputs = [tape.input(x) if t else self.hand(x) for x, t in rows]
                triples = list(zip(inputs, leaves, tracked, strict=True))
                self.leaves = [x.value if t else given for x, given, t in triples]
                self.inputs = [x.number if t else None for x, _, t in triples]
            found, rest = self.fun(inputs)
            outs = list(map(tape.output, found))
            self.rest = None if rest is None else tree.map(self.given, rest)
        finally:
            running.set(before)
            tape.dead = True
        self.outs, self.numbers = [y for y, _ in outs], [number for _, number in outs]

    def given(self, x: Any) -> Any:
        """Return a value on the tape as the user gets it: where that is read again, a copy."""
        value, number = self.tape.output(x)
        return value if number is None or not self.tape.lasting else copied(value)

    def pull(self, cts: Sequence[Any], masked: bool) -> list[Any]:
        tape = self.tape
        if masked and tape.inner:
            self.record(Tape(tape.origin, tape.lasting, masked))
            if self.marks is not None:
                check_repeated(tape.origin, self.marks, self.outs)
        return self.tape.pull(self.numbers, cts, self.inputs)

    def pulled(self, cts: Sequence[Any], whole: bool = False) -> Sequence[Any]:
        """Return the cotangents of the leaves, None for 0, given those of the outputs.

        ``whole``, if no element of these is 0.
        """
        nested = self.tape.nested
        if nested:
            cts = beside(self.leaves, cts)
        token = settings.set(quiet)  # the function has its warnings, its derivative none
        try:
            # where all lies on paths; a program that is staged gets the seed, and what comes of it
            if whole and self.tape.smooth and not (nested and is_staged(self.outs)):
                return self.pull(cts, False)
            return over_paths(self.tape.origin, cts, self.pull, self.outs)
        finally:
            settings.reset(token)


def finished(ct: Any, primal: Any, taken: set[int]) -> Any:
    """Return a cotangent the caller may keep and change: zeros for None, its own memory."""
    if type(ct) is np.ndarray and type(primal) is np.ndarray:
        if ct.base is None and id(ct) not in taken:  # nearly always
            taken.add(id(ct))
            return ct
    else:
        ct = zeros_like(primal) if ct is None else ct
        if not isinstance(ct, Tracer):
            ct = np.asarray(ct) if type(primal) is np.ndarray else ct[()]
    return as_given(unaliased(ct, taken), (primal,)) if type(ct) is np.ndarray else ct


def check_scalar(who: str, value: Any, holomorphic: bool, leaves: Sequence[Any]) -> None:
    """Raise unless the output of a differentiated function is a scalar."""
    if type(value) is np.float64 and not holomorphic:
        return  # the common case
    if not is_arraylike(value):
        several = isinstance(value, tuple) and len(value) == 2 and is_arraylike(value[0])
        cure = "set has_aux=True" if several else "return a scalar"
        cure = "add a return statement" if value is None else cure
        raise NonScalarError(
            f"{who}: the output must be a scalar: got {type(value).__name__}; {cure}"
        )
    aval = aval_of(value)
    if aval.shape:
        raise NonScalarError(
            f"{who}: the output must be a scalar: got {aval}; reduce it by sum or mean"
        )
    if not holomorphic and aval.dtype.kind != "f":
        cure = "take its real part, or set holomorphic=True for a complex derivative"
        cure = cure if aval.dtype.kind == "c" else "compute it from floats, without astype(int)"
        raise DtypeError(f"{who}: the output must be real: got {aval}; {cure}")
    if holomorphic and aval.dtype.kind != "c":
        raise DtypeError(f"{who}: the output must be complex: got {aval}; leave holomorphic out")
    if holomorphic and not all(aval_of(x).dtype.kind == "c" for x in leaves):
        raise DtypeError(
            f"{who}: with holomorphic=True the arguments must be complex; convert them by "
            f"astype(complex)"
        )


@answering
def value_and_grad(
    fun: Callable[P, R],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[P, tuple[R, Any]]:
    """Return a function that gives the value of ``fun`` and its gradient.

    value_and_grad : (a -> R) -> a -> (R, CT a)

    Args:
        fun: a function whose output is one real number.
        argnums: position, or positions, of the arguments by which to differentiate; the first,
            unless ``argnames`` is given. They may be trees; leaves that are no arrays (names,
            functions, None) come back as themselves.
        has_aux: whether ``fun`` returns ``(output, aux)``; the value is then that pair.
        holomorphic: whether ``fun`` is holomorphic, with complex arguments and output.
        allow_int: whether integer arrays may occur; their gradient is zeros of their dtype.
        argnames: name, or names, of such arguments; several give a dict.

    Raises:
        NonScalarError: if the output is not one number.
        DtypeError: if an argument is an integer, or the output is not real.

    The gradient of a complex argument is JAX's, df/dx - i df/dy: descend along its conjugate.

    >>> value, gradient = value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> print(value, gradient)
    5.0 [2. 4.]
    """
    return _derivative(value_and_grad, fun, (argnums, argnames, has_aux, holomorphic, allow_int))


def _derivative(make: Callable[..., Any], fun: Callable[..., Any], options: Options) -> Any:
    """The function that gives the gradient of ``fun``, pickled as the call of ``make``."""
    check_callable(make.__name__, fun)
    argnums, argnames, *flags = options
    if argnums is not None or argnames is not None or any(x is not False for x in flags):
        check_options(make.__name__, argnums, argnames, **dict(zip(_FLAGS, flags, strict=True)))
    both = make is value_and_grad
    made = PicklableFunction(_differentiated, Origin(make.__name__, fun), both, options)
    made.origin = make, (fun, argnums, *flags), {"argnames": argnames}
    return functools.update_wrapper(made, fun)


def _differentiated(
    origin: Origin, both: bool, options: Options, /, *args: Any, **kwargs: Any
) -> Any:
    """Call a function for its gradient; ``both``, if for its value too."""
    argnums, argnames, has_aux, holomorphic, allow_int = options
    who, fun = origin.who, origin.fun
    if (check := debugging.get().check) is not None:  # itself would be a reference cycle
        again = value_and_grad(fun, argnums, *options[2:], argnames=argnames)
        value, gradient = check.call(again, args, kwargs)
        value, aux = value if has_aux else (value, None)
    else:
        chosen = diff_arguments(who, fun, argnums, argnames, args, kwargs)
        given = (origin, chosen, has_aux, holomorphic, allow_int)
        try:
            if len(args) == 1 and not (kwargs or allow_int):
                value, aux, gradient = _evaluated(protected, *given)
            else:
                value, aux, gradient = origin.run(_evaluated, chosen.others, *given)
        except MutatedError as err:
            raise with_argument(err, fun, chosen.places, chosen.values()) from None
    if both:
        return ((value, aux) if has_aux else value), gradient
    return (gradient, aux) if has_aux else gradient


def _evaluated(
    hand: Callable[[Any], Any],
    origin: Origin,
    chosen: DiffArguments,
    has_aux: bool,
    holomorphic: bool,
    allow_int: bool,
) -> tuple[Any, Any, Any]:
    """Return the value of a call, what it returned besides, and its gradient."""
    who, chosen.hand = origin.who, hand
    leaves, build = origin.flatten(chosen.argument)
    values = (chosen.argument,) if chosen.single else chosen.argument
    inexact = differentiated(who, origin.fun, chosen.places, values, leaves)
    if not all(inexact):
        check_leaves(who, origin.fun, chosen.places, values, allow_int)

    def on_leaves(inputs: list[Any]) -> tuple[list[Any], Any]:
        out, aux = call_with_aux(who, has_aux, chosen.call, build(inputs))
        return [out], aux

    run = Recording(origin, on_leaves, leaves, inexact, hand)
    (value,) = run.outs
    check_scalar(who, value, holomorphic, leaves)
    cts: Sequence[Any] = [None] * len(leaves)
    if run.numbers != [None]:
        cts = run.pulled([np.array(1, dtype_of(value))], whole=True)
        (value,) = run.outs  # of a second run, for masks
    run.tape.records = []  # a rule that closes over a tracer holds the tape
    taken: set[int] = set()
    rows = zip(cts, leaves, inexact, strict=True)
    results = [finished(ct, x, taken) if i else zero_of(x) for ct, x, i in rows]
    return value, run.rest, chosen.result(build(results))


@answering
def grad(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[P, Any]:
    """Return a function that gives the gradient of ``fun``.

    grad : (a -> R) -> a -> CT a

    Arguments and errors are those of :func:`value_and_grad`; with ``has_aux`` it gives
    ``(gradient, aux)``.

    >>> print(grad(np.sin)(0.0))
    1.0
    """
    return _derivative(grad, fun, (argnums, argnames, has_aux, holomorphic, allow_int))


@overload
def vjp(
    fun: Callable[..., R], *primals: Any, has_aux: Literal[False] = False
) -> tuple[R, Callable[[Any], tuple[Any, ...]]]: ...
@overload
def vjp(
    fun: Callable[..., tuple[R, X]], *primals: Any, has_aux: Literal[True]
) -> tuple[R, Callable[[Any], tuple[Any, ...]], X]: ...
@overload
def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool) -> tuple[Any, ...]: ...
@answering
def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Evaluate a function, and return with it the map that pulls cotangents back.

    vjp : (a -> b) -> a -> (b, CT b -> CT a)

    Args:
        fun: a function of arrays, or of trees of arrays.
        *primals: the arguments at which to differentiate.
        has_aux: whether ``fun`` returns ``(output, aux)``, aux not being differentiated.

    Returns:
        ``(output, pullback)`` or ``(output, pullback, aux)``. ``pullback(ct)`` takes a tree like
        the output, gives a tuple with one cotangent a primal, and may be called again.

    Raises:
        DtypeError: if no primal is a floating number, or a cotangent's dtype is not its output's.
        ShapeError: if a cotangent's shape is not its output's.
        TreeError: if a cotangent's structure is not the output's.

    >>> y, pullback = vjp(lambda x: x**2, np.array([1.0, 3.0]))
    >>> print(y, pullback(np.ones(2))[0])
    [1. 9.] [2. 6.]
    """
    if (check := debugging.get().check) is not None:
        return check.call(functools.partial(vjp, fun, has_aux=has_aux), primals, maps=True)
    out, pullback, run = recorded(fun, primals, has_aux)
    return (out, pullback, run.rest) if has_aux else (out, pullback)


def _only(who: str, name: str, cts: tuple[Any, ...]) -> Any:
    """The cotangent with which a map of cotangents was called."""
    if len(cts) != 1:
        raise TypeError(
            f"{who}: the {name} takes one cotangent, a tree like the output: got {len(cts)} "
            f"arguments; write {name}(ct), of several outputs {name}((ct, ...))"
        )
    return cts[0]


def recorded(
    fun: Callable[..., Any], primals: Sequence[Any], has_aux: bool, who: str = "vjp"
) -> tuple[Any, Callable[[Any], tuple[Any, ...]], Recording]:
    """The output of a function, the map that pulls cotangents back, and the recording."""
    check_callable(who, fun)
    leaves, treedef = tree.flatten(primals)
    places = range(len(primals))
    tracked = differentiated(who, fun, places, primals, leaves)
    if not all(tracked):
        check_leaves(who, fun, places, primals, mixed=True)
    out_tree: Any = None

    def on_leaves(inputs: list[Any]) -> tuple[list[Any], Any]:
        nonlocal out_tree
        out, aux = call_with_aux(who, has_aux, fun, *tree.unflatten(treedef, inputs))
        outs, out_tree = tree.flatten(out)
        return outs, aux

    origin = Origin(who, fun)
    record = lambda hand: Recording(origin, on_leaves, leaves, tracked, hand, lasting=True)
    others = [x for x, t in zip(leaves, tracked, strict=True) if not t]
    run = origin.run(record, lambda: others) if others else record(protected)

    def pullback(*cts: Any) -> tuple[Any, ...]:
        given = flatten_like(who, "the cotangent", out_tree, _only(who, "pullback", cts))
        rows = zip(run.outs, run.numbers, given, strict=True)
        seeds = [
            n if n is None else as_tangent(who, "a cotangent", c, aval_of(y)) for y, n, c in rows
        ]
        taken = {id(c) for c in given}
        results = [
            finished(found, x, taken) if t else zero_of(x)
            for found, x, t in zip(run.pulled(seeds), leaves, tracked, strict=True)
        ]
        return tree.unflatten(treedef, results)

    # the tape reads its values again, so what the caller may change are copies
    pairs = zip(run.outs, run.numbers, strict=True)
    outs = [as_given(y if number is None else copied(y), leaves) for y, number in pairs]
    return tree.unflatten(out_tree, outs), pullback, run

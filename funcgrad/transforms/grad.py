"""grad and value_and_grad: the gradient of a function whose output is one number."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import dtype_of
from ..core.floating import quietly
from ..core.pickling import picklable
from ..core.trace import Tracer
from ..ops.structure import zeros
from .arguments import (
    Chosen,
    Origin,
    carries_derivative,
    check_callable,
    check_leaves,
    check_scalar,
    owned,
    with_aux,
    zero_of,
)
from .nans import active, beside
from .reverse import Tape
from .seeds import over_paths
from .snapshots import check_repeated, copied, marks_of


class Recording:
    """A function that has run on a tape, and may run again for a derivative with masks.

    Args:
        origin: whose run it is.
        fun: leaves -> (leaves of the output, what is not differentiated, a tree).
        leaves: of the arguments.
        tracked: which of them are differentiated.
        lasting: whether the way back may be walked later, and more than once.
    """

    def __init__(
        self,
        origin: object,
        fun: Callable[[list[Any]], tuple[Sequence[Any], Any]],
        leaves: Sequence[Any],
        tracked: Sequence[bool],
        lasting: bool = False,
    ) -> None:
        self.origin, self.fun, self.lasting = origin, fun, lasting
        self.leaves, self.tracked = leaves, tracked
        self.record()
        # what a second run, for masks, has to repeat
        self.marks = marks_of(self.outs) if lasting and self.tape.inner else None

    def record(self, masked: bool = False) -> None:
        self.tape = tape = Tape(self.origin, self.lasting, masked)
        rows = zip(self.leaves, self.tracked, strict=True)
        try:
            self.inputs = [tape.input(x) if t else x for x, t in rows]
            outs, rest = self.fun(self.inputs)
            pairs = [tape.split(y) for y in outs]
            self.rest = None if rest is None else tree.map(self.given, rest)
        finally:
            tape.dead = True
        # of small arguments these are copies
        rows = zip(self.inputs, self.tracked, strict=True)
        self.leaves = [x.value if t else x for x, t in rows]
        self.outs = [y for y, _ in pairs]
        self.numbers = [number for _, number in pairs]

    def given(self, x: Any) -> Any:
        """Return a value on the tape as the user gets it: where that is read again, a copy."""
        value, number = self.tape.split(x)
        return value if number is None or not self.lasting else copied(value)

    def pull(self, cts: Sequence[Any], masked: bool) -> list[Any]:
        if masked and self.tape.inner:
            self.record(masked)
            if self.marks is not None:
                check_repeated(self.origin, self.marks, self.outs)
        return self.tape.pull(self.numbers, cts, self.inputs)

    def pulled(self, cts: Sequence[Any]) -> Sequence[Any]:
        """Return the cotangents of the leaves, None for 0, given those of the outputs."""
        if self.tape.nested:
            cts = beside(self.leaves, cts)
        # the function has its warnings, its derivative none
        return quietly(over_paths, self.origin, cts, self.pull, self.outs)


def finished(ct: Any, primal: Any, taken: set[int]) -> Any:
    """Return a cotangent the caller may keep and change: zeros for None, its own memory."""
    if type(ct) is not np.ndarray or type(primal) is not np.ndarray:
        ct = zeros(primal) if ct is None else ct
        if not isinstance(ct, Tracer):
            ct = np.asarray(ct) if type(primal) is np.ndarray else ct[()]
    return owned(ct, taken)


@picklable
def value_and_grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
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
    return _value_and_grad(
        "value_and_grad", fun, argnums, argnames, has_aux, holomorphic, allow_int
    )


def _value_and_grad(
    who: str,
    fun: Callable[..., Any],
    argnums: Any,
    argnames: Any,
    has_aux: bool,
    holomorphic: bool,
    allow_int: bool,
) -> Callable[..., Any]:
    check_callable(who, fun)

    @functools.wraps(fun)
    def value_and_grad_of(*args: Any, **kwargs: Any) -> Any:
        if (check := active()) is not None:
            again = _value_and_grad(who, fun, argnums, argnames, has_aux, holomorphic, allow_int)
            return check.call(again, args, kwargs)  # itself would be a reference cycle
        chosen = Chosen(who, fun, argnums, argnames, args, kwargs)
        values = chosen.values()
        leaves, treedef = tree.flatten(values)
        inexact = list(map(carries_derivative, leaves))
        if not all(inexact):
            check_leaves(who, fun, chosen.places, values, allow_int)

        def on_leaves(inputs: list[Any]) -> tuple[list[Any], Any]:
            out, aux = with_aux(chosen.call, has_aux, who)(tree.unflatten(treedef, inputs))
            return [out], aux

        run = Recording(Origin(who, fun), on_leaves, leaves, inexact)
        (value,), aux = run.outs, run.rest
        check_scalar(who, value, holomorphic, leaves)
        cts: Sequence[Any] = [None] * len(leaves)
        if run.numbers != [None]:
            cts = run.pulled([np.array(1, dtype_of(value))])
            (value,), aux = run.outs, run.rest  # of a second run, for masks
        rows, taken = zip(cts, leaves, inexact, strict=True), set[int]()
        results = [finished(ct, x, taken) if i else zero_of(x) for ct, x, i in rows]
        value = (value, aux) if has_aux else value
        return value, chosen.result(tree.unflatten(treedef, results))

    return value_and_grad_of


@picklable
def grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """Return a function that gives the gradient of ``fun``.

    grad : (a -> R) -> a -> CT a

    Arguments and errors are those of :func:`value_and_grad`; with ``has_aux`` it gives
    ``(gradient, aux)``.

    >>> print(grad(np.sin)(0.0))
    1.0
    """
    both = _value_and_grad("grad", fun, argnums, argnames, has_aux, holomorphic, allow_int)

    @functools.wraps(fun)
    def grad_of(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return grad_of

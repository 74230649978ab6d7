"""Sparse Jacobians and Hessians: one batched pass over the colours, then one gather."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..compile.mask_marks import may_mark
from ..core import tree
from ..core.avals import aval_of, dtype_of, is_arraylike, shape_of
from ..core.dead_code import dce
from ..core.errors import DtypeError, MissingDerivativeError, ShapeError
from ..core.jaxpr import ClosedJaxpr
from ..core.lazy import answering
from ..core.lists import compress, expand
from ..core.pickling import picklable
from ..ops.index import concatenate_p
from ..ops.structure import cast, reshape
from ..transforms.arguments import (
    DiffArguments,
    Origin,
    call_with_aux,
    carries_derivative,
    check_callable,
    check_leaves,
    diff_arguments,
)
from ..transforms.batching import vmap
from ..transforms.forward import jvp
from ..transforms.grad import grad, vjp
from ..transforms.nans import beside, debugging
from ..transforms.options import check_options
from ..transforms.staging import stage, staged_in
from ..transforms.typevars import P
from .colouring import Colouring
from .matrix import CSR
from .memo import Patterns
from .passes import check_mode, colour
from .placing import by_bands
from .structure import Pattern

_LARGE = 1 << 20  # elements of a pattern, above which it is coloured only for passes
_MOST = 24  # bands of a value of such a program
_CHUNK = 1 << 24  # elements of the results of passes, above which these run in several batches


@picklable
@answering
def jacobian(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    mode: str = "auto",
    pattern: Any = None,
    colouring: Colouring | None = None,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[P, Any]:
    """Sparse Jacobian of a function, in as many passes as its pattern has colours.

    jacobian : (a -> b) -> a -> CSR

    Args:
        fun: a function of arrays, or of trees of arrays.
        argnums: position, or positions, of the arguments by which to differentiate.
        has_aux: whether ``fun`` returns ``(output, aux)``; the result is then (jacobian, aux).
        mode: of the passes: "fwd", "rev", "both" or "auto", see :func:`colour`.
        pattern: the places to compute, by default found by :func:`pattern`; others must be 0.
        colouring: a colouring of the pattern, in place of both.
        holomorphic: whether ``fun`` is holomorphic, with complex arguments and output.
        argnames: name, or names, of such arguments.

    Returns:
        A function that returns a CSR: a row for each element of the output's leaves, a column for
        each of the arguments' leaves, one leaf after another.

    >>> jacobian(lambda x: x[1:] * x[:-1])(np.array([1.0, 2.0, 3.0]))
    CSR of 2 by 3 with 4 elements (66.7 %), float64, 2 colours
    ●●·
    ·●●
    """
    options = _Options("sparse.jacobian", 1, has_aux, mode, pattern, colouring, holomorphic)
    return _derivative(fun, options, argnums, argnames, lambda value, matrix: matrix)


@picklable
@answering
def value_and_jacobian(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    mode: str = "auto",
    pattern: Any = None,
    colouring: Colouring | None = None,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[P, tuple[Any, Any]]:
    """Evaluate a function and its sparse Jacobian, which needs the value anyway.

    value_and_jacobian : (a -> b) -> a -> (b, CSR)

    Arguments are those of :func:`jacobian`; with ``has_aux`` the value is ``(output, aux)``.

    >>> value, matrix = value_and_jacobian(np.sin)(np.zeros(3))
    >>> print(value, matrix.data)
    [0. 0. 0.] [1. 1. 1.]
    """
    name = "sparse.value_and_jacobian"
    options = _Options(name, 1, has_aux, mode, pattern, colouring, holomorphic)
    return _derivative(fun, options, argnums, argnames, lambda value, matrix: (value, matrix))


@picklable
@answering
def hessian(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    pattern: Any = None,
    colouring: Colouring | None = None,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[P, Any]:
    """Sparse Hessian of a function with a scalar output, by one Hessian-vector product a colour.

    hessian : (a -> R) -> a -> CSR

    Arguments and result are those of :func:`jacobian`; each pair of mirrored elements is computed
    once.

    >>> hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2))(np.array([1.0, 2.0, 3.0])).todense()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    """
    options = _Options("sparse.hessian", 2, has_aux, "auto", pattern, colouring, holomorphic)
    return _derivative(fun, options, argnums, argnames, lambda value, matrix: matrix)


class _Options(NamedTuple):
    """What a derivative is asked for."""

    who: str
    order: int
    has_aux: bool
    mode: str
    pattern: Any
    colouring: Colouring | None
    holomorphic: bool

    def check(self) -> None:
        check_mode(self.who, self.mode)
        if self.colouring is not None and not isinstance(self.colouring, Colouring):
            raise TypeError(
                f"{self.who}: colouring must be a Colouring: got "
                f"{type(self.colouring).__name__}; make one by colour(pattern)"
            )
        if self.colouring is not None and self.pattern is not None:
            raise TypeError(f"{self.who}: a colouring has a pattern: got both; leave out pattern")


def _derivative(
    fun: Callable[..., Any],
    options: _Options,
    argnums: Any,
    argnames: Any,
    result: Callable[[Any, CSR], Any],
) -> Callable[..., Any]:
    """The function that gives ``result(value, matrix)``, and aux."""
    check_callable(options.who, fun)
    check_options(options.who, argnums, argnames, has_aux=options.has_aux)
    options.check()
    origin = Origin(options.who, fun)
    patterns = Patterns(origin, options.order)

    @functools.wraps(fun)
    def derivative_of(*args: Any, **kwargs: Any) -> Any:
        if (check := debugging.get().check) is not None:
            again = _derivative(fun, options, argnums, argnames, result)
            return check.call(again, args, kwargs)  # itself would be a reference cycle
        chosen = diff_arguments(options.who, fun, argnums, argnames, args, kwargs)
        check_leaves(options.who, fun, chosen.places, chosen.values())
        run = lambda hand: _Evaluation(options, chosen, hand).result(patterns)
        value, aux, matrix = origin.run(run, chosen.others)
        if not options.has_aux:
            return result(value, matrix)
        found = result((value, aux), matrix)
        return (found, aux) if found is matrix else found

    return derivative_of


class _TwoRowsError(DtypeError):
    """A complex output in reverse mode."""


class _Evaluation:
    """One call of a derivative, as a function of the leaves that carry one."""

    def __init__(self, options: _Options, chosen: DiffArguments, hand: Any) -> None:
        self.options, self.call = options, chosen.caller(hand)
        self.leaves, self.treedef = tree.flatten(chosen.argument)
        self.smooth = list(map(carries_derivative, self.leaves))
        self.xs = compress(self.leaves, self.smooth)
        self.sizes = [aval_of(x).size for x in self.xs]
        self.out: Any = None
        self.aux: Any = None
        _check_holomorphic(options, self.xs)

    def fun(self, *xs: Any) -> tuple[Any, Any]:
        """The output and aux."""
        given = expand(xs, self.smooth)
        leaves = [x if s else y for x, y, s in zip(given, self.leaves, self.smooth, strict=True)]
        argument = tree.unflatten(self.treedef, leaves)
        return call_with_aux(self.options.who, self.options.has_aux, self.call, argument)

    def differentiated(self, *xs: Any) -> tuple[Any, Any]:
        """The function whose Jacobian is wanted, and aux: that of the order 2 is a gradient."""
        if self.options.order == 1:
            return self.fun(*xs)
        places, holomorphic = tuple(range(len(xs))), self.options.holomorphic
        return grad(self.fun, places, has_aux=True, holomorphic=holomorphic)(*xs)

    def pattern(self, patterns: Patterns) -> Pattern:
        if self.options.colouring is not None:
            return self.options.colouring.pattern
        if self.options.pattern is None:
            return patterns.find(lambda *xs: tree.leaves(self.fun(*xs)[0]), self.xs)
        return Pattern.of(self.options.pattern)

    def colouring(self, pattern: Pattern) -> Colouring:
        given, mode = self.options.colouring, self.options.mode
        return given or colour(pattern, mode, symmetric=self.options.order == 2)

    def result(self, patterns: Patterns) -> tuple[Any, Any, CSR]:
        """The output, aux and the matrix."""
        pattern = self.pattern(patterns)
        if pattern.shape[1] != sum(self.sizes):
            raise self.misfit(pattern, f"{sum(self.sizes)} columns")
        if self.may_have_bands(pattern):
            # to colour a large pattern takes longer than to find that it is not needed
            known = None if pattern.nnz > _LARGE else self.colouring(pattern)
            data = self.by_bands(patterns, pattern, 2 * known.passes + 4 if known else _MOST)
            if data is not None:
                vars(pattern)["_used"] = known
                return self.out, self.aux, CSR(data, pattern)
        colouring = self.colouring(pattern)
        try:
            flat = self.passes(colouring)
        except (MissingDerivativeError, _TwoRowsError) as err:
            if self.options.order == 2 or self.options.colouring or self.options.mode != "auto":
                raise
            # a function with a rule for reverse mode alone, or of complex outputs
            colouring = colour(pattern, "fwd" if isinstance(err, _TwoRowsError) else "rev")
            flat = self.passes(colouring)
        vars(pattern)["_used"] = colouring
        return self.out, self.aux, CSR(flat[colouring.places], pattern)

    def may_have_bands(self, pattern: Pattern) -> bool:
        """Whether the program is known, and no passes are asked for."""
        options = self.options
        plain = options.mode == "auto" and not options.has_aux and not options.holomorphic
        return plain and pattern.nnz > 0 and all(staged_in(x) is not None for x in self.xs)

    def by_bands(self, patterns: Patterns, pattern: Pattern, most: int) -> Any:
        """The elements from at most so many bands, None where the program mixes more inputs."""
        out_tree: Any = None

        def on_leaves(xs: list[Any]) -> list[Any]:
            nonlocal out_tree
            out, _ = self.differentiated(*xs)
            self.check(out, pattern)
            leaves, out_tree = tree.flatten(out)
            return leaves

        closed, _ = stage(patterns.origin, on_leaves, list(map(aval_of, self.xs)), operands=self.xs)
        if may_mark(closed.jaxpr):
            return None
        trace = max(
            (x._trace for x in map(staged_in, self.xs) if x is not None), key=lambda t: t.serial
        )
        program = ClosedJaxpr(dce(closed.jaxpr), closed.consts)
        symmetric = self.options.order == 2
        outs, data = by_bands(program, self.xs, pattern, symmetric, most, trace)
        self.out = tree.unflatten(out_tree, outs)
        return data

    def passes(self, colouring: Colouring) -> Any:
        """The results of all passes, one after another."""
        found = []
        if colouring.forward or not colouring.reverse:
            found.append(self.pushed(colouring))
        if colouring.reverse:
            found.append(self.pulled(colouring))
        return _joined(found)

    def pushed(self, colouring: Colouring) -> Any:
        """The results of forward passes, one after another."""
        seeds = _seeds(colouring.columns, colouring.forward, self.xs)

        def along(*ts: Any) -> list[Any]:
            out, tangent, self.aux = jvp(self.differentiated, tuple(self.xs), ts, has_aux=True)
            self.check(out, colouring.pattern)
            return tree.leaves(tangent)

        if not colouring.forward:  # no element at all
            out, self.aux = self.differentiated(*self.xs)
            self.check(out, colouring.pattern)
            typed = tree.leaves(self.out) or self.xs or [0.0]
            return np.zeros(0, np.result_type(*map(dtype_of, typed)))
        return _rows(_batched(along, colouring.forward, max(colouring.pattern.shape))(*seeds))

    def pulled(self, colouring: Colouring) -> Any:
        """The results of reverse passes, one after another."""
        out, pullback, self.aux = vjp(self.differentiated, *self.xs, has_aux=True)
        self.check(out, colouring.pattern)
        outs, out_tree = tree.flatten(out)
        if not self.options.holomorphic and any(dtype_of(y).kind == "c" for y in outs):
            raise _TwoRowsError(
                f"{self.options.who}: a complex output has two rows per element in reverse mode: "
                f'got {aval_of(outs[0])}; use mode="fwd"'
            )
        seeds = _seeds(colouring.rows, colouring.reverse, outs)
        along = lambda *cts: list(pullback(tree.unflatten(out_tree, cts)))
        return _rows(_batched(along, colouring.reverse, max(colouring.pattern.shape))(*seeds))

    def check(self, out: Any, pattern: Pattern) -> None:
        """Note the output, whose leaves must carry derivatives, an element for each row."""
        self.out = out
        outs = tree.leaves(out)
        for y in outs:
            if not carries_derivative(y):
                got = aval_of(y) if is_arraylike(y) else type(y).__name__
                raise DtypeError(
                    f"{self.options.who}: the leaves of the output must be real or complex arrays: "
                    f"got {got}; return other values as aux, with has_aux=True"
                )
        rows = sum(aval_of(y).size for y in outs)
        if pattern.shape[0] != rows:
            raise self.misfit(pattern, f"{rows} rows")

    def misfit(self, pattern: Pattern, needed: str) -> ShapeError:
        return ShapeError(
            f"{self.options.who}: the pattern must have {needed}: got shape {pattern.shape}; find "
            f"it by sparse.pattern"
        )


def _check_holomorphic(options: _Options, xs: Sequence[Any]) -> None:
    for x in xs:
        if (dtype_of(x).kind == "c") != options.holomorphic:
            raise DtypeError(
                f"{options.who}: complex arguments, and no others, need a holomorphic function: "
                f"got {aval_of(x)}; pass holomorphic={not options.holomorphic}"
            )


def _seeds(colours: np.ndarray, count: int, like: Sequence[Any]) -> list[Any]:
    """Of each array its part of the vectors that are 1 where a colour is, stacked."""
    starts = np.cumsum([0, *(aval_of(x).size for x in like)])
    found = []
    for x, start, stop in zip(like, starts[:-1], starts[1:], strict=True):
        units = colours[start:stop] == np.arange(count)[:, None]
        found.append(units.astype(dtype_of(x)).reshape(count, *shape_of(x)))
    return beside(like, found)


def _batched(along: Callable[..., Any], count: int, size: int) -> Callable[..., Any]:
    """A pass mapped over seeds; in several batches where the results are too large for one."""
    return vmap(along, chunk_size=None if count * size <= _CHUNK else max(1, _CHUNK // size))


def _rows(leaves: Sequence[Any]) -> Any:
    """Leaves, with the passes along their first axes, as one vector, pass after pass."""
    dtype = np.result_type(*map(dtype_of, leaves))
    flat = [reshape(cast(x, dtype), (shape_of(x)[0], -1)) for x in leaves]
    return reshape(flat[0] if len(flat) == 1 else concatenate_p(*flat, axis=1), (-1,))


def _joined(vectors: Sequence[Any]) -> Any:
    if len(vectors) == 1:
        return vectors[0]
    dtype = np.result_type(*map(dtype_of, vectors))
    return concatenate_p(*[cast(x, dtype) for x in vectors], axis=0)

"""Derivatives of what an equation defines, whatever solved it: roots, linear systems, fixed points.

The solver is a Python function that runs on values one level down; nothing is differentiated
through it.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core import tree
from ..core.avals import Aval, aval_of, dtype_of, shape_of
from ..core.errors import (
    ConversionError,
    DtypeError,
    MissingRuleError,
    ShapeError,
    UnsupportedError,
)
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.trace import Primitive
from ..ops.operand import stacked
from ..ops.structure import Batched, cast, strengthen, stretched
from ..transforms.arguments import Origin, check_callable, same_structure, zero_of
from ..transforms.batching import Batch, run_in
from ..transforms.custom import custom_jvp
from ..transforms.forward import jvp
from ..transforms.linear import stop_gradient
from ..transforms.programs import batched_program, given, linear_in, parted, staged
from ..transforms.pullback import pulled
from ..transforms.reverse import transpose_program
from ..transforms.staging import stage
from .loop import while_loop

# of a linear program, what it closes over, and the right side: the solution
Solver = Callable[[Jaxpr, Sequence[Any], Sequence[Any]], Sequence[Any]]


class LinearSolve(Primitive):
    """Solve ``matvec(x) = b``; operands: what ``matvec : consts, x -> b`` closes over, and b."""

    @override
    def run(
        self, *args: Any, matvec: Jaxpr, solve: Solver, back: Solver | None, consts: int
    ) -> tuple[Any, ...]:
        closed, b = parted(args, consts)
        return tuple(stop_gradient(list(solve(matvec, closed, b))))

    @override
    def infer(self, *avals: Aval, consts: int, **params: Any) -> tuple[Aval, ...]:
        return tuple(avals[consts:])

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return min(operands) >= params["consts"]

    def push(self, primals: Any, tangents: Any, **params: Any) -> tuple[Any, Any]:
        """A t_x = t_b - t_A x."""
        n, matvec = params["consts"], params["matvec"]
        outs = self.bind(*primals, **params)
        closed, _ = parted(primals, n)
        t_closed, t_b = parted(tangents, n)
        right = given(t_b, outs)
        if any(t is not None for t in t_closed):
            apply = lambda *cs: tuple(eval_jaxpr(matvec, (), [*cs, *outs]))
            moved = jvp(apply, closed, given(t_closed, closed))[1]
            right = [b - m for b, m in zip(right, moved, strict=True)]
        return outs, self.bind(*closed, *right, **params)

    def pull(self, ins: Any, needs: Any, **params: Any) -> tuple[Any, Any]:
        """ct_b = A^-T ct_x; and those of what A closes over are pulled back from -ct_b at A x."""
        n, matvec = params["consts"], params["matvec"]
        outs = self.bind(*ins, **params)
        closed, _ = parted(ins, n)

        def pull(cts: Sequence[Any]) -> list[Any]:
            ct_b = self.transposed(closed, given(cts, outs), **params)
            found: list[Any] = [None] * n
            if any(need is not None for need in needs[:n]):
                apply = lambda *cs: eval_jaxpr(matvec, (), [*cs, *outs])
                found = pulled("linear solve", apply, closed, needs[:n])[1]([-ct for ct in ct_b])
            return [*found, *ct_b]

        return outs, pull

    def transposed(
        self,
        closed: list[Any],
        cts: list[Any],
        *,
        matvec: Jaxpr,
        solve: Any,
        back: Any,
        consts: int,
    ) -> list[Any]:
        """Return the solution of the transposed system, by the solver given for it."""
        if back is None:
            raise MissingRuleError(
                "custom_linear_solve: reverse mode solves the transposed system: give "
                "transpose_solve, or say symmetric=True"
            )
        mirrored, more = _transposed(matvec, consts)
        params = {"matvec": mirrored, "solve": back, "back": solve, "consts": len(more) + consts}
        return list(self.bind(*more, *closed, *cts, **params))

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        closed, _ = parted(ins, params["consts"])  # linear in b, whose value is not read
        return [*[None] * len(closed), *self.transposed(closed, given(cts, outs), **params)]

    def map_in(
        self, trace: Batch, args: Any, axes: Any, *, matvec: Jaxpr, consts: int, **params: Any
    ) -> Batched:
        size = trace.size
        fronted = [
            x if d is None else stretched(x, d, size) for x, d in zip(args, axes, strict=True)
        ]
        closed, b = parted(fronted, consts)
        flags = [d is not None for d in axes[:consts]] + [True] * len(b)
        program, more, _ = batched_program(matvec, flags, [True] * len(b), size)
        b = [stretched(x, None if d is None else 0, size)
             for x, d in zip(b, axes[consts:], strict=True)]  # fmt: skip
        axes = [0 if flag else None for flag in flags]
        params["solve"] = _of_all(trace, params["solve"], matvec, (), axes)
        if params["back"] is not None:
            params["back"] = _of_all(trace, params["back"], *_transposed(matvec, consts), axes)
        inner = {"matvec": program, "consts": len(more) + consts, **params}
        outs = self.bind(*more, *closed, *b, **inner)
        return outs, [0] * len(outs)


def _transposed(matvec: Jaxpr, consts: int) -> tuple[Jaxpr, tuple[Any, ...]]:
    """Return the transpose of a linear program, and the operands that go in front."""
    avals = [v.aval for v in matvec.invars]

    def transpose(values: list[Any]) -> list[Any]:
        closed, ct = parted(values, consts)
        apply = lambda xs: list(eval_jaxpr(matvec, (), [*closed, *xs]))
        linear, _ = stage("a linear system", apply, avals[consts:], lasting=False)
        return given(transpose_program(linear, ct), avals[consts:])

    return staged("transpose of a linear system", transpose, avals)


def _of_all(
    trace: Batch, solve: Solver, matvec: Jaxpr, more: Sequence[Any], axes: Sequence[int | None]
) -> Solver:
    """Return a solver of all examples' systems, given the program of one.

    A solver that cannot be traced, because it calls SciPy say, solves them one by one.
    """

    def solve_all(_: Jaxpr, closed: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        n = len(axes) - len(b)
        values = [*closed[len(closed) - n :], *b]  # before these come those of the program of all
        one = lambda *xs: solve(matvec, [*more, *xs[:n]], xs[n:])
        try:
            pairs = run_in(trace, one, values, axes)
        except (ConversionError, UnsupportedError):
            pick = lambda i: [x if d is None else x[i] for x, d in zip(values, axes, strict=True)]
            rows = [one(*pick(i)) for i in range(trace.size)]
            return [stacked(column) for column in zip(*rows, strict=True)]
        return [stretched(y, d, trace.size) for y, d in pairs]

    return solve_all


linear_solve_p = LinearSolve("linear_solve")


def custom_linear_solve(
    matvec: Callable[[Any], Any],
    b: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    transpose_solve: Callable[[Callable[[Any], Any], Any], Any] | None = None,
    symmetric: bool = False,
    has_aux: bool = False,
) -> Any:
    """Return x with ``matvec(x) = b``, differentiable by b and all that ``matvec`` closes over.

    Args:
        matvec: a linear function from trees like ``b`` to trees like ``b``.
        b: the right side, a tree of arrays.
        solve: ``solve(matvec, b)`` gives x, or ``(x, aux)`` with ``has_aux``.
        transpose_solve: the same for the transposed system, which reverse mode needs.
        symmetric: whether the system is its own transpose, so that ``solve`` serves both.
        has_aux: whether the solvers also return what is not differentiated.

    Raises:
        MissingRuleError: in reverse mode, without ``transpose_solve`` or ``symmetric``.
        TreeError: if ``matvec`` or a solver gives another structure than that of ``b``.

    >>> import numpy as np, funcgrad as fg
    >>> over = lambda mv, b: b / mv(1.0)
    >>> x = lambda a, b: custom_linear_solve(lambda v: a * v, b, over, symmetric=True)
    >>> print(fg.grad(x)(2.0, 6.0))
    -1.5
    """
    check_callable("custom_linear_solve", matvec)
    leaves, treedef = tree.flatten(tree.map(strengthen, b))
    aux: list[Any] = []

    def on_leaves(xs: list[Any]) -> list[Any]:
        out = matvec(tree.unflatten(treedef, xs))
        return same_structure("custom_linear_solve", "what matvec gives", treedef, out)

    avals = [aval_of(x) for x in leaves]
    program, consts = staged(Origin("custom_linear_solve", matvec), on_leaves, avals)
    _check_square(program, avals)

    def flat(solver: Any) -> Solver:
        def solved(program: Jaxpr, closed: Sequence[Any], right: Sequence[Any]) -> list[Any]:
            def on_tree(x: Any) -> Any:
                xs = same_structure("custom_linear_solve", "matvec's argument", treedef, x)
                return tree.unflatten(treedef, eval_jaxpr(program, (), [*closed, *xs]))

            x = solver(on_tree, tree.unflatten(treedef, right))
            if has_aux:
                x, extra = x
                aux.append(extra)  # of the system itself: those of its derivatives come later
            return _alike("custom_linear_solve", "the solution", treedef, x, right)

        return solved

    back = flat(transpose_solve) if transpose_solve else flat(solve) if symmetric else None
    outs = linear_solve_p.bind(
        *consts, *leaves, matvec=program, solve=flat(solve), back=back, consts=len(consts)
    )
    x = tree.unflatten(treedef, outs)
    return (x, _first(aux)) if has_aux else x


def _first(aux: Sequence[Any]) -> Any:
    if not aux:
        raise UnsupportedError(
            "custom_linear_solve: has_aux=True needs the solver to run, which it does not while a "
            "program is staged (scan, checkpoint, make_jaxpr); leave has_aux out there"
        )
    return stop_gradient(aux[0])


def _alike(
    who: str, what: str, treedef: tree.TreeDef, value: Any, likes: Sequence[Any]
) -> list[Any]:
    """Return the leaves of a tree in the dtypes of others, raising if it differs in more."""
    leaves = same_structure(who, what, treedef, value)
    for y, x in zip(leaves, likes, strict=True):
        if shape_of(y) != shape_of(x):
            raise ShapeError(f"{who}: {what} must have the shape of {aval_of(x)}: got {aval_of(y)}")
        if not np.can_cast(dtype_of(y), dtype_of(x), "same_kind"):
            raise DtypeError(
                f"{who}: {what} must fit the dtype of {aval_of(x)}: got {aval_of(y)}; start from "
                f"floating numbers, write 1.0 for 1"
            )
    return [cast(y, dtype_of(x)) for y, x in zip(leaves, likes, strict=True)]


def _check_square(program: Jaxpr, avals: Sequence[Aval]) -> None:
    for atom, aval in zip(program.outvars, avals, strict=True):
        if atom.aval.shape != aval.shape:
            raise ShapeError(
                f"custom_linear_solve: matvec must give the shape of b, {aval}: got {atom.aval}"
            )
    flags = [i >= len(program.invars) - len(avals) for i in range(len(program.invars))]
    if linear_in(program, flags) is None:
        raise MissingRuleError("custom_linear_solve: matvec is not linear in its argument")


def custom_root(
    f: Callable[[Any], Any],
    initial_guess: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    tangent_solve: Callable[[Callable[[Any], Any], Any], Any],
    has_aux: bool = False,
) -> Any:
    """Return x with ``f(x) = 0``, differentiable by all that ``f`` closes over.

    Args:
        f: a function from trees like ``initial_guess`` to trees like it.
        initial_guess: where the solver starts; the root does not depend on it.
        solve: ``solve(f, initial_guess)`` gives x, or ``(x, aux)`` with ``has_aux``.
        tangent_solve: ``tangent_solve(g, y)`` gives the v with ``g(v) = y``, for the linear
            function g that is the derivative of f at x. It must be differentiable, and linear in y.
        has_aux: whether ``solve`` also returns what is not differentiated.

    Source: the implicit function theorem, dx = -(df/dx)^-1 df.

    >>> import numpy as np, funcgrad as fg
    >>> def sqrt(a):
    ...     newton = lambda f, x: [x := x - f(x) / (2 * x) for _ in range(9)][-1]
    ...     return custom_root(lambda x: x * x - a, 1.0, newton, lambda g, y: y / g(1.0))
    >>> print(fg.grad(sqrt)(4.0))
    0.25
    """
    check_callable("custom_root", f)
    leaves, treedef = tree.flatten(tree.map(strengthen, stop_gradient(initial_guess)))

    def on_leaves(xs: list[Any]) -> list[Any]:
        out = f(tree.unflatten(treedef, xs))
        return _alike("custom_root", "what f gives", treedef, out, xs)

    program, consts = staged(Origin("custom_root", f), on_leaves, [aval_of(x) for x in leaves])

    def at(closed: Sequence[Any], x: Any) -> Any:
        xs = same_structure("custom_root", "the argument of f", treedef, x)
        return tree.unflatten(treedef, eval_jaxpr(program, (), [*closed, *xs]))

    def root(closed: Sequence[Any], xs: list[Any]) -> Any:
        found = solve(lambda x: at(closed, x), tree.unflatten(treedef, xs))
        x, aux = stop_gradient(found if has_aux else (found, None))
        leaves = _alike("custom_root", "the solution", treedef, x, xs)
        return tree.unflatten(treedef, leaves), aux

    def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
        closed, xs = primals
        x, aux = ruled(closed, xs)
        moved = jvp(lambda closed: at(closed, x), (closed,), (tangents[0],))[1]
        derivative = lambda v: jvp(lambda x: at(closed, x), (x,), (v,))[1]
        t = tangent_solve(derivative, tree.map(lambda m: -m, moved))
        return (x, aux), (t, tree.map(zero_of, aux))

    ruled = custom_jvp(root)
    ruled.defjvp(rule)
    x, aux = ruled(tuple(consts), leaves)
    return (x, aux) if has_aux else x


def fixed_point(
    f: Callable[..., Any],
    init: Any,
    *args: Any,
    tol: float = 1e-10,
    max_iter: int = 1000,
) -> Any:
    """Return x with ``f(x, *args) = x`` by iteration, of which derivatives keep nothing.

    Args:
        f: a function that contracts: iterating it from ``init`` converges.
        init: where to start, a tree of floating arrays; the result does not depend on it.
        *args: trees of arrays, by which the result has derivatives of both modes.
        tol: iterate until no element changes by more than this, relative to 1 + |x|.
        max_iter: how often to iterate at most.

    Its derivatives are fixed points too: of v = df v + t, and of its transpose.

    Raises:
        ValueError: if ``tol`` or ``max_iter`` is not positive.

    >>> import numpy as np, funcgrad as fg
    >>> f = lambda x, a: (x + a / x) / 2
    >>> print(fg.grad(lambda a: fixed_point(f, 1.0, a))(4.0).round(6))
    0.25
    """
    check_callable("fixed_point", f)
    if not (tol > 0 and max_iter > 0):
        raise ValueError(f"fixed_point: tol and max_iter must be positive: got {tol}, {max_iter}")

    def iterate(step: Callable[[Any], Any], start: Any) -> Any:
        def go_on(state: Any) -> Any:
            n, x, before = state
            pairs = zip(tree.leaves(x), tree.leaves(before), strict=True)
            gaps = [np.max(np.abs(a - b) / (1 + np.abs(a)), initial=0.0) for a, b in pairs]
            gap = functools.reduce(np.maximum, gaps, 0.0)
            return np.logical_and(n < max_iter, np.logical_not(gap <= tol))

        first = (0, step(start), start)
        return while_loop(go_on, lambda s: (s[0] + 1, step(s[1]), s[1]), first)[1]

    def linear(g: Any, y: Any) -> Any:
        """Solve g(v) = y, where g(v) is df v - v."""
        return iterate(lambda v: tree.map(lambda a, b, c: a + b - c, g(v), v, y), y)

    def tangent_solve(g: Any, y: Any) -> Any:
        return custom_linear_solve(g, y, linear, linear)

    gap = lambda x: tree.map(lambda a, b: a - b, f(x, *args), x)
    solve = lambda gap, x: iterate(lambda x: tree.map(lambda a, b: a + b, gap(x), x), x)
    return custom_root(gap, init, solve, tangent_solve)

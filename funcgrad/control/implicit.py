"""Implicit differentiation of roots and fixed points, independent of the solver.

The solver is a Python function that runs on values one level down; it is not differentiated.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import aval_of
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.lazy import answering
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import strip_weak_type
from ..transforms.arguments import Origin, check_callable, flatten_like, zero_of
from ..transforms.custom.decorators import custom_jvp
from ..transforms.forward import jvp
from ..transforms.jaxprs import trace_to_jaxpr
from ..transforms.untraced import owning
from .loops import while_loop
from .solve import cast_like, custom_linear_solve


@answering
def custom_root(
    f: Callable[[Any], Any],
    initial_guess: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    tangent_solve: Callable[[Callable[[Any], Any], Any], Any],
    has_aux: bool = False,
) -> Any:
    """Solve ``f(x) = 0``, with derivatives with respect to all that ``f`` closes over.

    Args:
        f: a function from trees like ``initial_guess`` to trees like it.
        initial_guess: the start of the solver; the root has no derivative with respect to it.
        solve: ``solve(f, initial_guess)`` returns x, or ``(x, aux)`` with ``has_aux``.
        tangent_solve: ``tangent_solve(g, y)`` returns v with ``g(v) = y``, where the linear
            function g is the derivative of f at x. It must be differentiable, and linear in y.
        has_aux: whether ``solve`` also returns ``aux``, which is not differentiated.

    Source: the implicit function theorem, dx = -(df/dx)^-1 df.

    >>> import numpy as np, funcgrad as fg
    >>> def sqrt(a):
    ...     newton = lambda f, x: [x := x - f(x) / (2 * x) for _ in range(9)][-1]
    ...     return custom_root(lambda x: x * x - a, 1.0, newton, lambda g, y: y / g(1.0))
    >>> print(fg.grad(sqrt)(4.0))
    0.25
    """
    check_callable("custom_root", f)
    leaves, treedef = tree.flatten(tree.map(strip_weak_type, stop_gradient(initial_guess)))

    def on_leaves(xs: list[Any]) -> list[Any]:
        out = f(tree.unflatten(treedef, xs))
        return cast_like("custom_root", "the output of f", treedef, out, xs)

    program, consts = trace_to_jaxpr(
        Origin("custom_root", f), on_leaves, [aval_of(x) for x in leaves]
    )
    x, aux = Root(program, treedef, solve, tangent_solve, has_aux)(tuple(consts), leaves)
    return (x, aux) if has_aux else x


class Root:
    """The root of a program as a function of its first operands, and its derivative rule."""

    def __init__(
        self,
        program: Jaxpr,
        treedef: tree.TreeDef,
        solve: Callable[..., Any],
        tangent_solve: Callable[..., Any],
        has_aux: bool,
    ) -> None:
        self.program, self.treedef, self.has_aux = program, treedef, has_aux
        self.solve, self.tangent_solve = solve, tangent_solve

    def __call__(self, closed: Sequence[Any], xs: list[Any]) -> Any:
        ruled = custom_jvp(self.root)  # one for each call: as an attribute it would be a cycle
        ruled.defjvp(self.rule)
        return ruled(closed, xs)

    def at(self, closed: Sequence[Any], x: Any) -> Any:
        xs = flatten_like("custom_root", "the argument of f", self.treedef, x)
        return tree.unflatten(self.treedef, eval_jaxpr(self.program, (), [*closed, *xs]))

    def root(self, closed: Sequence[Any], xs: list[Any]) -> Any:
        found = self.solve(lambda x: self.at(closed, x), tree.unflatten(self.treedef, xs))
        x, aux = stop_gradient(found if self.has_aux else (found, None))
        leaves = cast_like("custom_root", "the solution", self.treedef, x, xs)
        return tree.unflatten(self.treedef, leaves), aux

    def rule(self, primals: Any, tangents: Any) -> tuple[Any, Any]:
        closed, xs = primals
        x, aux = self(closed, xs)
        moved = jvp(lambda closed: self.at(closed, x), (closed,), (tangents[0],))[1]
        derivative = lambda v: jvp(lambda x: self.at(closed, x), (x,), (v,))[1]
        t = self.tangent_solve(derivative, tree.map(lambda m: -m, moved))
        return (x, aux), (t, tree.map(zero_of, aux))


@answering
def fixed_point(
    f: Callable[..., Any],
    init: Any,
    *args: Any,
    tol: float = 1e-10,
    max_iter: int = 1000,
) -> Any:
    """Fixed point of an iteration, ``f(x, *args) = x``, differentiated implicitly.

    Args:
        f: a contraction: its iteration from ``init`` converges.
        init: the start, a tree of floating arrays; the result has no derivative with respect to it.
        *args: trees of arrays, with respect to which the result has derivatives of both modes.
        tol: iterate until no element changes by more than this, relative to 1 + |x|.
        max_iter: the maximal number of iterations.

    The iterates are not stored: tangents are the fixed point of v = df v + t, cotangents that of
    its transpose.

    Raises:
        ValueError: if ``tol`` or ``max_iter`` is not positive.

    >>> import numpy as np, funcgrad as fg
    >>> f = lambda x, a: (x + a / x) / 2
    >>> print(fg.grad(lambda a: fixed_point(f, 1.0, a))(4.0).round(6))
    0.25
    """
    check_callable("fixed_point", f)
    if not (tol > 0 and max_iter > 0):
        raise ValueError(
            f"fixed_point: tol and max_iter must be positive: got {tol}, {max_iter}"
            "; leave them out for the defaults"
        )

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

    step = owning(f)
    gap = lambda x: tree.map(lambda a, b: a - b, step(x, *args), x)
    solve = lambda gap, x: iterate(lambda x: tree.map(lambda a, b: a + b, gap(x), x), x)
    return custom_root(gap, init, solve, tangent_solve)

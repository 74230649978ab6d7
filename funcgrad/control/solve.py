"""Linear systems with any solver: the derivative is that of the system, not of the solver.

The solver is a Python function that runs on values one level down. In a program it is staged with
the system, if it can be, and the values that it closes over become operands.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core import tree
from ..core.avals import Aval, aval_of, dtype_of, shape_of
from ..core.companions import HoldsPrograms
from ..core.dependence import linear_in
from ..core.errors import (
    DtypeError,
    MissingRuleError,
    ShapeError,
    UnsupportedError,
)
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.lazy import answering
from ..core.lists import split_list
from ..core.ownership import copied
from ..core.trace import Primitive, Tracer
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import Batched, batch_at_front, cast, strip_weak_type
from ..transforms.arguments import Origin, check_callable, flatten_like
from ..transforms.batching import Batch
from ..transforms.forward import jvp
from ..transforms.jaxprs import batch_jaxpr, instantiate_zeros, trace_to_jaxpr
from ..transforms.reverse import value_and_vjp
from ..transforms.staging import stage
from ..transforms.transposition import transpose_program
from .solvers import Solver, Staged, batch_solver, is_inner, stage_solver, unwrap_to


class _InnerTracerError(Exception):
    """A solver closes over a value of a trace inside those of the operands."""


class LinearSolve(Primitive, HoldsPrograms):
    """Solve ``matvec(x) = b``; operands: ``consts`` of ``matvec : consts, x -> b``, and b.

    Before these come ``held`` operands, the values that ``solve`` and ``back`` close over; ``held``
    is None until the solvers are staged. ``level`` is then the serial number of the innermost trace
    of the operands.
    """

    @override
    def bind(self, *args: Any, **params: Any) -> Sequence[Any]:
        """Apply; values of an inner transform that a solver closes over become operands first."""
        if params["held"] is not None or params["level"] is not None:
            return super().bind(*args, **params)
        level = max((x._trace.serial for x in args if isinstance(x, Tracer)), default=0)
        try:
            return super().bind(*args, **{**params, "level": level})
        except _InnerTracerError:
            more, params = self.close(None, *map(aval_of, args), **params)
            return super().bind(*more, *args, **params)

    @override
    def run(
        self,
        *args: Any,
        matvec: Jaxpr,
        solve: Solver,
        back: Solver | None,
        consts: int,
        held: tuple[int, int] | None,
        level: int | None,
    ) -> tuple[Any, ...]:
        mine, _, closed, b = _parts(args, held, consts)
        # the solver may write to b, and later to its result
        found = list(solve(matvec, closed, list(map(copied, b)), mine))
        if level is not None and held is None and any(is_inner(x, level) for x in found):
            raise _InnerTracerError
        return tuple(map(copied, stop_gradient(found)))

    @override
    def infer(
        self, *avals: Aval, consts: int, held: tuple[int, int] | None, **params: Any
    ) -> tuple[Aval, ...]:
        return tuple(_parts(avals, held, consts)[3])

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return min(operands) >= params["consts"] + sum(params["held"] or ())

    def applied(
        self, *, matvec: Jaxpr, solve: Solver, back: Any, consts: int, held: Any, **_: Any
    ) -> Jaxpr | None:
        if not isinstance(solve, Staged):
            return None
        others = [v.aval for v in back.jaxpr.invars[: held[1]]] if isinstance(back, Staged) else ()
        return solve.program(matvec, consts, others)

    def close(self, trace: Any, *avals: Aval, **params: Any) -> tuple[Any, dict[str, Any]]:
        """Stage the solvers; they are not differentiated."""
        return self.closed(avals, math.inf if trace is None else trace.serial + 1, params)

    def closed(
        self, avals: Sequence[Aval], below: float, params: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """The values that the solvers close over, as seen by traces before ``below``; params."""
        if params["held"] is not None:
            return (), params
        matvec, n = params["matvec"], params["consts"]
        mine, solve = stage_solver(params["solve"], matvec, avals[:n], avals[n:])
        others: Sequence[Any] = ()
        back = params["back"]
        if back is not None:
            mirrored, more = _transposed(matvec, n)
            others, back = stage_solver(
                back, mirrored, [*map(aval_of, more), *avals[:n]], avals[n:]
            )
        held = len(mine), len(others)
        consts = [unwrap_to(below, x) for x in (*mine, *others)]
        level = params["level"]
        if level is not None and any(is_inner(x, level) for x in consts):
            raise _InnerTracerError
        return consts, {**params, "solve": solve, "back": back, "held": held}

    def nested(self, ins: Sequence[Any], params: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The values that the solvers close over, if an outer transform will need them; params."""
        if params["level"] is None or not any(isinstance(x, Tracer) for x in ins):
            return (), params
        return self.closed(list(map(aval_of, ins)), params["level"], params)

    def value_and_jvp(self, primals: Any, tangents: Any, **params: Any) -> tuple[Any, Any]:
        """A t_x = t_b - t_A x."""
        more, params = self.nested(primals, params)
        primals, tangents = [*more, *primals], [*[None] * len(more), *tangents]
        n, matvec, held = params["consts"], params["matvec"], params["held"]
        outs = self.bind(*primals, **params)
        *before, closed, _ = _parts(primals, held, n)
        _, _, t_closed, t_b = _parts(tangents, held, n)
        right = instantiate_zeros(t_b, outs)
        if any(t is not None for t in t_closed):
            apply = lambda *cs: tuple(eval_jaxpr(matvec, (), [*cs, *outs]))
            moved = jvp(apply, closed, instantiate_zeros(t_closed, closed))[1]
            right = [b - m for b, m in zip(right, moved, strict=True)]
        return outs, self.bind(*before[0], *before[1], *closed, *right, **params)

    def value_and_vjp(self, ins: Any, needs: Any, **params: Any) -> tuple[Any, Any]:
        """ct_b = A^-T ct_x; ct_A is the pullback of -ct_b through the closure of A, at A x."""
        more, params = self.nested(ins, params)
        ins, needs = [*more, *ins], [*[None] * len(more), *needs]
        n, matvec = params["consts"], params["matvec"]
        outs = self.bind(*ins, **params)
        start = sum(params["held"] or ())
        closed, needed = ins[start : start + n], needs[start : start + n]

        def pull(cts: Sequence[Any]) -> list[Any]:
            ct_b = self.transposed(ins, instantiate_zeros(cts, outs), **params)
            found: list[Any] = [None] * n
            if any(need is not None for need in needed):
                apply = lambda *cs: eval_jaxpr(matvec, (), [*cs, *outs])
                found = value_and_vjp("linear solve", apply, closed, needed)[1](
                    [-ct for ct in ct_b]
                )
            return [*[None] * (start - len(more)), *found, *ct_b]

        return outs, pull

    def transposed(
        self,
        ins: Sequence[Any],
        cts: list[Any],
        *,
        matvec: Jaxpr,
        solve: Any,
        back: Any,
        consts: int,
        held: tuple[int, int] | None,
        level: int | None,
    ) -> list[Any]:
        """Solve the transposed system."""
        if back is None:
            raise MissingRuleError(
                "custom_linear_solve: reverse mode solves the transposed system; give "
                "transpose_solve, or symmetric=True"
            )
        mirrored, more = _transposed(matvec, consts)
        mine, others, closed, _ = _parts(ins, held, consts)
        params = {"matvec": mirrored, "solve": back, "back": solve, "consts": len(more) + consts}
        held = held and (held[1], held[0])
        params |= {"held": held, "level": level}
        return list(self.bind(*others, *mine, *more, *closed, *cts, **params))

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        found = self.transposed(
            ins, instantiate_zeros(cts, outs), **params
        )  # linear in b, which is not read
        return [*[None] * (len(ins) - len(found)), *found]

    def batch_in_trace(self, trace: Batch, args: Any, axes: Any, **params: Any) -> Batched:
        """Solve the systems of all examples; values that the solvers close over may be batched too.

        If all operands and results are arrays, no transform will need the solvers again.
        """
        if params["held"] is None and not any(isinstance(x, Tracer) for x in args):
            outs, out_axes = self.mapped(trace, args, axes, **params)
            if not any(isinstance(y, Tracer) for y in outs):
                return outs, out_axes
        avals = [_of_one(aval_of(x), d) for x, d in zip(args, axes, strict=True)]
        more, params = self.close(None, *avals, **params)
        if any(is_inner(x, trace.serial) for x in more):
            raise _InnerTracerError
        pairs = [trace.split(x) for x in more]
        args, axes = [*(x for x, _ in pairs), *args], [*(d for _, d in pairs), *axes]
        return self.mapped(trace, args, axes, **params)

    def mapped(
        self,
        trace: Batch,
        args: Any,
        axes: Any,
        *,
        matvec: Jaxpr,
        consts: int,
        held: tuple[int, int] | None,
        **params: Any,
    ) -> Batched:
        size = trace.size
        fronted = [
            x if d is None else batch_at_front(x, d, size) for x, d in zip(args, axes, strict=True)
        ]
        mine, others, closed, b = _parts(fronted, held, consts)
        fronts = [None if d is None else 0 for d in axes]
        my_axes, other_axes, closed_axes, b_axes = _parts(fronts, held, consts)
        flags = [d is not None for d in closed_axes] + [True] * len(b)
        program, more, _ = batch_jaxpr(matvec, flags, [True] * len(b), size)
        b = [batch_at_front(x, d, size) for x, d in zip(b, b_axes, strict=True)]
        places = [0 if flag else None for flag in flags]
        first, params["solve"] = batch_solver(trace, params["solve"], matvec, (), my_axes, places)
        mine, back = [*first, *mine], params["back"]
        if back is not None:
            mirror = _transposed(matvec, consts)
            first, params["back"] = batch_solver(trace, back, *mirror, other_axes, places)
            others = [*first, *others]
        held = held and (len(mine), len(others))
        inner = {"matvec": program, "consts": len(more) + consts, "held": held, **params}
        outs = self.bind(*mine, *others, *more, *closed, *b, **inner)
        return outs, [0] * len(outs)


def _of_one(aval: Aval, axis: int | None) -> Aval:
    """Aval of one example of an array with this batch axis."""
    if axis is None:
        return aval
    return Aval((*aval.shape[:axis], *aval.shape[axis + 1 :]), aval.dtype)


def _parts(xs: Sequence[Any], held: tuple[int, int] | None, consts: int) -> list[list[Any]]:
    """Split operands into those of ``solve``, of ``back``, of ``matvec``, and b."""
    return split_list(xs, *(held or (0, 0)), consts)


def _transposed(matvec: Jaxpr, consts: int) -> tuple[Jaxpr, tuple[Any, ...]]:
    """The transpose of a linear program, and the values of its first operands."""
    avals = [v.aval for v in matvec.invars]

    def transpose(values: list[Any]) -> list[Any]:
        closed, ct = split_list(values, consts)
        apply = lambda xs: list(eval_jaxpr(matvec, (), [*closed, *xs]))
        linear, _ = stage("a linear system", apply, avals[consts:], lasting=False)
        return instantiate_zeros(transpose_program(linear, ct), avals[consts:])

    return trace_to_jaxpr("transpose of a linear system", transpose, avals)


linear_solve_p = LinearSolve("linear_solve")


@answering
def custom_linear_solve(
    matvec: Callable[[Any], Any],
    b: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    transpose_solve: Callable[[Callable[[Any], Any], Any], Any] | None = None,
    symmetric: bool = False,
    has_aux: bool = False,
) -> Any:
    """Solve ``matvec(x) = b``, with derivatives with respect to b and the closure of ``matvec``.

    Args:
        matvec: a linear function from trees like ``b`` to trees like ``b``.
        b: the right-hand side, a tree of arrays.
        solve: ``solve(matvec, b)`` returns x, or ``(x, aux)`` with ``has_aux``.
        transpose_solve: the same for the transposed system, which reverse mode needs.
        symmetric: whether ``matvec`` is symmetric, so that ``solve`` solves both systems.
        has_aux: whether the solvers also return ``aux``, which is not differentiated.

    Raises:
        MissingRuleError: in reverse mode, without ``transpose_solve`` or ``symmetric``.
        TreeError: if ``matvec`` or a solver returns another structure than that of ``b``.

    >>> import numpy as np, funcgrad as fg
    >>> over = lambda mv, b: b / mv(1.0)
    >>> x = lambda a, b: custom_linear_solve(lambda v: a * v, b, over, symmetric=True)
    >>> print(fg.grad(x)(2.0, 6.0))
    -1.5
    """
    check_callable("custom_linear_solve", matvec)
    leaves, treedef = tree.flatten(tree.map(strip_weak_type, b))
    aux: list[Any] = []

    def on_leaves(xs: list[Any]) -> list[Any]:
        out = matvec(tree.unflatten(treedef, xs))
        return flatten_like("custom_linear_solve", "the output of matvec", treedef, out)

    avals = [aval_of(x) for x in leaves]
    program, consts = trace_to_jaxpr(Origin("custom_linear_solve", matvec), on_leaves, avals)
    _check_square(program, avals)

    def flat(solver: Any) -> Solver:
        def solved(program: Jaxpr, closed: Any, right: Any, _: Any) -> list[Any]:
            def on_tree(x: Any) -> Any:
                xs = flatten_like("custom_linear_solve", "the argument of matvec", treedef, x)
                return tree.unflatten(treedef, eval_jaxpr(program, (), [*closed, *xs]))

            x = solver(on_tree, tree.unflatten(treedef, right))
            if has_aux:
                x, extra = x
                aux.append(extra)  # the first is of the system itself, others of its derivatives
            return cast_like("custom_linear_solve", "the solution", treedef, x, right)

        return solved

    back = flat(transpose_solve) if transpose_solve else flat(solve) if symmetric else None
    params = {"solve": flat(solve), "back": back, "held": None, "level": None}
    outs = linear_solve_p.bind(*consts, *leaves, matvec=program, consts=len(consts), **params)
    x = tree.unflatten(treedef, outs)
    return (x, _first(aux)) if has_aux else x


def _first(aux: Sequence[Any]) -> Any:
    alive = lambda x: not (isinstance(x, Tracer) and x._trace.dead)
    aux = [found for found in aux if all(map(alive, tree.leaves(found)))]
    if not aux:
        raise UnsupportedError(
            "custom_linear_solve: has_aux=True needs the solver to run, but a staged program "
            "(scan, checkpoint, make_jaxpr) does not run it; leave has_aux out there"
        )
    return stop_gradient(aux[0])


def cast_like(
    who: str, what: str, treedef: tree.TreeDef, value: Any, likes: Sequence[Any]
) -> list[Any]:
    """Cast the leaves of a tree to the dtypes of ``likes``; raise if structure or shapes differ."""
    leaves = flatten_like(who, what, treedef, value)
    for y, x in zip(leaves, likes, strict=True):
        if shape_of(y) != shape_of(x):
            raise ShapeError(
                f"{who}: {what} must have the shape of {aval_of(x)}: got {aval_of(y)}"
                "; return one like it"
            )
        if not np.can_cast(dtype_of(y), dtype_of(x), "same_kind"):
            raise DtypeError(
                f"{who}: {what} must fit the dtype of {aval_of(x)}: got {aval_of(y)}; start from "
                f"floating values, write 1.0 for 1"
            )
    return [cast(y, dtype_of(x)) for y, x in zip(leaves, likes, strict=True)]


def _check_square(program: Jaxpr, avals: Sequence[Aval]) -> None:
    for atom, aval in zip(program.outvars, avals, strict=True):
        if atom.aval.shape != aval.shape:
            raise ShapeError(
                f"custom_linear_solve: matvec must return the shape of b, {aval}: got {atom.aval}"
                "; give a square operator"
            )
    flags = [i >= len(program.invars) - len(avals) for i in range(len(program.invars))]
    if linear_in(program, flags) is None:
        raise MissingRuleError(
            "custom_linear_solve: matvec is not linear in its argument"
            "; give x -> A @ x, without a constant term"
        )

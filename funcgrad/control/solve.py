"""Linear systems, whatever solves them: derivatives come from the systems, not from the solver.

The solver is a Python function that runs on values one level down. Where it closes over values of
a trace that stages the system, it is staged too, and what it closes over are operands.
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
from ..core.lists import split_list
from ..core.ownership import copied
from ..core.trace import Primitive, Tracer
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import Batched, batch_at_front, cast, strip_weak_type
from ..transforms.arguments import Origin, check_callable, same_structure
from ..transforms.backward import transpose_program
from ..transforms.batching import Batch
from ..transforms.forward import jvp
from ..transforms.jaxprs import batch_jaxpr, instantiate_zeros, trace_to_jaxpr
from ..transforms.reverse import value_and_vjp
from ..transforms.staging import stage
from .solvers import Solver, closed_solver, is_younger, seen_before, solver_of_all


class _HoldsYoungerError(Exception):
    """A solver closes over a value of a younger trace than the operands are of."""


class LinearSolve(Primitive, HoldsPrograms):
    """Solve ``matvec(x) = b``; operands: what ``matvec : consts, x -> b`` closes over, and b.

    Before these come the operands that ``solve`` and ``back`` hold, as many as ``held`` tells;
    it is None before anybody has looked for them. ``level`` is then the youngest trace's serial
    number that the operands know of.
    """

    @override
    def bind(self, *args: Any, **params: Any) -> Sequence[Any]:
        """Apply; where a solver closes over values of a transform further in, these go first."""
        if params["held"] is not None or params["level"] is not None:
            return super().bind(*args, **params)
        level = max((x._trace.serial for x in args if isinstance(x, Tracer)), default=0)
        try:
            return super().bind(*args, **{**params, "level": level})
        except _HoldsYoungerError:
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
        # the solver may write to b, and to what it has returned
        found = list(solve(matvec, closed, list(map(copied, b)), mine))
        if level is not None and held is None and any(is_younger(x, level) for x in found):
            raise _HoldsYoungerError
        return tuple(map(copied, stop_gradient(found)))

    @override
    def infer(
        self, *avals: Aval, consts: int, held: tuple[int, int] | None, **params: Any
    ) -> tuple[Aval, ...]:
        return tuple(_parts(avals, held, consts)[3])

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return min(operands) >= params["consts"] + sum(params["held"] or ())

    def close(self, trace: Any, *avals: Aval, **params: Any) -> tuple[Any, dict[str, Any]]:
        """Stage the solvers that close over traced values, of which nothing is differentiated."""
        return self.closed(avals, math.inf if trace is None else trace.serial + 1, params)

    def closed(
        self, avals: Sequence[Aval], below: float, params: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Return what the solvers close over, as traces before that number see it, and params."""
        if params["held"] is not None:
            return (), params
        matvec, n = params["matvec"], params["consts"]
        mine, solve = closed_solver(params["solve"], matvec, avals[:n], avals[n:])
        others: Sequence[Any] = ()
        back = params["back"]
        if back is not None:
            mirrored, more = _transposed(matvec, n)
            others, back = closed_solver(
                back, mirrored, [*map(aval_of, more), *avals[:n]], avals[n:]
            )
        held = len(mine), len(others)
        consts = [seen_before(below, x) for x in (*mine, *others)]
        level = params["level"]
        if level is not None and any(is_younger(x, level) for x in consts):
            raise _HoldsYoungerError
        return consts, {**params, "solve": solve, "back": back, "held": held}

    def nested(self, ins: Sequence[Any], params: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return what the solvers hold where a transform further out is to come back to them."""
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
        """ct_b = A^-T ct_x; and those of what A closes over are pulled back from -ct_b at A x."""
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
        """Return the solution of the transposed system, by the solver given for it."""
        if back is None:
            raise MissingRuleError(
                "custom_linear_solve: reverse mode solves the transposed system: give "
                "transpose_solve, or say symmetric=True"
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
        """Solve all systems at once; what the solvers close over may differ among them too.

        On arrays nobody comes back to the solvers, and there are arrays unless they close over
        traced values.
        """
        if params["held"] is None and not any(isinstance(x, Tracer) for x in args):
            outs, out_axes = self.mapped(trace, args, axes, **params)
            if not any(isinstance(y, Tracer) for y in outs):
                return outs, out_axes
        avals = [_of_one(aval_of(x), d) for x, d in zip(args, axes, strict=True)]
        more, params = self.close(None, *avals, **params)
        if any(is_younger(x, trace.serial) for x in more):
            raise _HoldsYoungerError
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
        params["solve"] = solver_of_all(trace, params["solve"], matvec, (), my_axes, places)
        if params["back"] is not None:
            mirror = _transposed(matvec, consts)
            params["back"] = solver_of_all(trace, params["back"], *mirror, other_axes, places)
        inner = {"matvec": program, "consts": len(more) + consts, "held": held, **params}
        outs = self.bind(*mine, *others, *more, *closed, *b, **inner)
        return outs, [0] * len(outs)


def _of_one(aval: Aval, axis: int | None) -> Aval:
    """Return what one example has of an array with that axis for the examples."""
    if axis is None:
        return aval
    return Aval((*aval.shape[:axis], *aval.shape[axis + 1 :]), aval.dtype)


def _parts(xs: Sequence[Any], held: tuple[int, int] | None, consts: int) -> list[list[Any]]:
    """Return what belongs to ``solve``, to ``back``, to the system, and to its right side."""
    return split_list(xs, *(held or (0, 0)), consts)


def _transposed(matvec: Jaxpr, consts: int) -> tuple[Jaxpr, tuple[Any, ...]]:
    """Return the transpose of a linear program, and the operands that go in front."""
    avals = [v.aval for v in matvec.invars]

    def transpose(values: list[Any]) -> list[Any]:
        closed, ct = split_list(values, consts)
        apply = lambda xs: list(eval_jaxpr(matvec, (), [*closed, *xs]))
        linear, _ = stage("a linear system", apply, avals[consts:], lasting=False)
        return instantiate_zeros(transpose_program(linear, ct), avals[consts:])

    return trace_to_jaxpr("transpose of a linear system", transpose, avals)


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
    leaves, treedef = tree.flatten(tree.map(strip_weak_type, b))
    aux: list[Any] = []

    def on_leaves(xs: list[Any]) -> list[Any]:
        out = matvec(tree.unflatten(treedef, xs))
        return same_structure("custom_linear_solve", "what matvec gives", treedef, out)

    avals = [aval_of(x) for x in leaves]
    program, consts = trace_to_jaxpr(Origin("custom_linear_solve", matvec), on_leaves, avals)
    _check_square(program, avals)

    def flat(solver: Any) -> Solver:
        def solved(program: Jaxpr, closed: Any, right: Any, _: Any) -> list[Any]:
            def on_tree(x: Any) -> Any:
                xs = same_structure("custom_linear_solve", "matvec's argument", treedef, x)
                return tree.unflatten(treedef, eval_jaxpr(program, (), [*closed, *xs]))

            x = solver(on_tree, tree.unflatten(treedef, right))
            if has_aux:
                x, extra = x
                aux.append(extra)  # of the system itself: those of its derivatives come later
            return alike("custom_linear_solve", "the solution", treedef, x, right)

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
            "custom_linear_solve: has_aux=True needs the solver to run, which it does not while a "
            "program is staged (scan, checkpoint, make_jaxpr); leave has_aux out there"
        )
    return stop_gradient(aux[0])


def alike(
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

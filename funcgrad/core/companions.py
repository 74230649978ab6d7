"""Companions of primitives: optional rules, one class for each concern.

A primitive that takes part in one inherits its class, and is then its own companion:
``prim.codegen`` is ``prim`` where its family says how it is written. A primitive that takes no
part has the empty companion, whose rules are None.
"""

from collections.abc import Sequence
from typing import Any, ClassVar


class JointRules:
    """Rules that compute the outputs jointly with their derivative.

    They take the place of ``jvp`` and ``vjp`` in ``Forward`` and ``Tape``. One that is None is
    not defined: the separate rule serves.
    """

    value_and_jvp: Any = None  # primals, tangents, **params -> outs, their tangents
    value_and_series: Any = None  # primals, terms, order, **params -> outs, their terms
    value_and_vjp: Any = None  # ins, needs, **params -> outs, (cts -> one cotangent an operand)
    residual_operands: Any = None  # needs, **params -> operands that vjp reads again; None: all
    is_read: ClassVar[bool] = False  # True: it reads elements of its first operand
    reads_uses: ClassVar[bool] = False  # True: the pullback needs the readers of its outputs


class HoldsPrograms(JointRules):
    """The rules of a primitive whose parameters hold programs, or user functions."""

    is_open: ClassVar[bool] = False  # True: its functions may close over differentiated values
    runs_users: ClassVar[bool] = False  # True: user functions receive its operands

    batch_in_trace: Any = None  # trace, args, axes, **params -> outs, axes: vmap's trace runs them
    depends: Any = None  # flags, **params -> flags: outputs that depend on the operands flagged
    bodies: Any = None  # *operands, **params -> each program that it holds, with its operands
    close: Any = None  # trace, *avals, **params -> operands in front, params: functions staged
    mask_in_trace: Any = None  # trace, args, live, **params -> outs, live: masks through programs
    inline: Any = None  # **params -> the program that it calls, whether to keep it apart
    applied: Any = None  # **params -> the program that ``run`` applies, for source; or None
    hoist: Any = None  # build, eqn -> outs: moves loop-invariant equations out of a loop
    recompute: Any = None  # jaxpr, eqn, states -> jaxpr: a loop keeps states, not its residuals
    prune: Any = None  # used, **params -> places of operands and outputs to keep, params
    turns: Any = None  # **params -> how often it runs each of its programs; None: once
    # propagation, ins, avals, **params -> outs: ``Dependence`` of programs, see propagation.py
    depend_through: Any = None


class Codegen:
    """How the operation is written as source, against ``core.emitter``; None: ``run`` is called.

    ``emit`` writes statements that fill the outputs. ``into`` fills allocated arrays, with buffers
    of the avals that ``scratch`` gives; or with what ``plan`` makes of these, once for each
    workspace. ``view`` gives the expression of a view, and whether it is contiguous; None for a
    NumPy scalar.
    """

    is_view: ClassVar[bool] = False  # True: the output aliases the operand
    is_new: ClassVar[bool] = False  # True: no output of ``run`` aliases an operand

    in_c: Any = None  # writer, *ins, **params -> the values: written in C, see c/
    lower: Any = None  # build, *atoms, **params -> an atom made of faster operations
    lower_from: int = 0  # elements from which lower pays, in the source of NumPy alone; 0: always
    view: Any = None  # emitter, *ins, **params -> expression, contiguous; or None
    emit: Any = None  # emitter, outs, ins, **params
    into: Any = None  # outs, scratch, *ins, **params
    plan: Any = None  # scratch, *shapes of operands, **params -> what into takes as scratch
    into_from: int = 0  # turns of loops around it, below which ``run`` is called

    def scratch(self, *avals: Any, **params: Any) -> Sequence[Any]:
        """The avals of the buffers that ``into`` needs."""
        return ()

    def overwrites(self, operand: int) -> bool:
        """Whether an output of its aval may be written in place over this operand."""
        return False


class Masking:
    """How the masks of the law of zero cotangents pass the operation; see ``ops/paths.py``."""

    is_product: bool = False  # True: only a factor that is not finite makes nan of 0
    is_smooth: bool = False  # True: its derivative multiplies and adds, and leaves out no element

    # args, live, **params -> outs, live: which elements lie on a path. Where it is None, the
    # outputs lie on one where any element of the operands does.
    on_paths: Any = None
    # gaps, ins, **params -> gaps, risky: of each operand and output None for an ordinary value,
    # else whether it may hold elements on no path; and whether one of these may meet a factor that
    # is not finite. Where it is None, all of that may be.
    gaps: Any = None


class Viewing:
    """How a write to a view reaches the array that owns its memory."""

    put: Any = None  # x, part, **params -> x with the elements of the view replaced by ``part``


class Dependence:
    """Which elements of its operands each element of an output depends on, with a derivative."""

    is_dense: ClassVar[bool] = False  # True: on all along some axes, for want of a finer rule
    makes_zeros: ClassVar[bool] = False  # True: elements of its result that it does not fill are 0
    reads_indices: ClassVar[bool] = False  # True: its operands may be indices
    # ins, avals of the outputs, **params -> IndexSets of each output, or None: see propagation.py
    depend: Any = None


class Series:
    """How the coefficients of a curve pass the operation, where linearity and ``jvp`` do not say.

    Operations that are linear, products, and all others by their jvp: see ``transforms/taylor.py``.
    """

    # k, xs, ys, **params -> coefficient k of the outputs, from those of the operands up to k and of
    # the outputs below
    recurrence: Any = None
    simpler: Any = None  # *xs, **params -> outs, by operations of shorter series; or None
    rule_from: ClassVar[int] = 1  # the first order by these rules; those below by ``jvp``


NO_JOINT_RULES = JointRules()
NO_PROGRAMS = HoldsPrograms()
NO_CODEGEN = Codegen()
NO_MASKING = Masking()
NO_VIEWING = Viewing()
NO_DEPENDENCE = Dependence()
NO_SERIES = Series()

# the attribute of a primitive -> the class that it inherits to have the companion
COMPANIONS = {
    "joint": JointRules, "holds": HoldsPrograms, "masking": Masking, "codegen": Codegen,
    "viewing": Viewing, "dependence": Dependence, "series": Series,
}  # fmt: skip


def inlined(prim: Any, params: dict[str, Any]) -> Any:
    """The program by whose equations an operation can be replaced, or None."""
    return None if prim.holds.inline is None else prim.holds.inline(**params)[0]

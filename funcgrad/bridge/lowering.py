"""From a program to the primitives that an engine has, and NumPy's dtype of their operands."""

from collections.abc import Callable, Sequence

import numpy as np

from ..core.avals import Aval
from ..core.errors import MissingRuleError
from ..core.jaxpr import Eqn, Jaxpr
from ..ops.elementary import REFUSED
from ..transforms.decomposition import decompose_where


def lowered(jaxpr: Jaxpr, has_row: Callable[[str], bool], engine: str) -> Jaxpr:
    """A program without constants in primitives that have rows.

    Args:
        jaxpr: the program.
        has_row: whether a primitive of this name has a row.
        engine: the name, for errors.

    Raises:
        MissingRuleError: if a primitive has neither a row nor a decomposition.
    """

    def is_coarse(eqn: Eqn) -> bool:
        if has_row(eqn.prim.name):
            return False
        reason = REFUSED.get(eqn.prim.name)
        if reason is not None:
            raise MissingRuleError(f"{site(eqn)}: it has no form in {engine}: {reason}")
        return True

    return decompose_where(jaxpr, is_coarse)


def site(eqn: Eqn) -> str:
    """The name of an operation, and the line where the user applied it."""
    return f"{eqn.prim.name} at {eqn.source}" if eqn.source else eqn.prim.name


def operand_dtype(ins: Sequence[Aval], out: np.dtype) -> np.dtype:
    """The dtype to which NumPy casts the operands of an elementwise operation.

    Args:
        ins: the operands; weak ones are Python scalars.
        out: the dtype of the result.
    """
    dtype = np.result_type(*[a.dtype.type(0).item() if a.weak else a.dtype for a in ins])
    # a function of integers with floating-point results casts first; so does Python where booleans
    # are integers
    narrow = "b" if out.kind in "iu" else "biuf"
    return out if out.kind != "b" and dtype.kind in narrow else dtype

"""The body of a loop as a program: what it carries keeps its structure, shapes and dtypes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, Aval, aval_of, is_arraylike
from ..core.errors import DtypeError, ShapeError
from ..core.jaxpr import Jaxpr
from ..ops.operand import common_dtype
from ..ops.structure import cast
from ..transforms.arguments import Origin, owned, same_structure
from ..transforms.programs import staged


def check_arrays(who: str, what: str, value: Any) -> None:
    """Raise unless the leaves of an operand or a result are arrays or numbers."""
    for path, x in tree.leaves_with_path(value):
        if not is_arraylike(x):
            raise TypeError(
                f"{who}: {what}{tree.keystr(path)} must be made of arrays and numbers: got "
                f"{type(x).__name__}; close over what is neither"
            )


class Body:
    """The program ``consts, carry, x -> carry, y`` of one step, and what it starts from.

    ``step(carry, leaves)`` is one step as the user wrote it, given a tree and the leaves of x.
    Python numbers in the carry have no dtype of their own: they take what the step makes of them,
    so that a step is staged again until the carry comes out as it went in.
    """

    def __init__(
        self,
        who: str,
        fun: Any,
        init: Any,
        slices: Sequence[Aval],
        step: Callable[[Any, list[Any]], tuple[Any, Any]],
    ) -> None:
        check_arrays(who, "the carry", init)
        self.who, self.origin, self.step = who, Origin(who, fun), step
        self.paths = [path for path, _ in tree.leaves_with_path(init)]
        leaves, self.tree = tree.flatten(init)
        avals = list(map(aval_of, leaves))
        weak = [a.weak and type(x) in PYTHON_SCALARS for x, a in zip(leaves, avals, strict=True)]
        avals = [Aval(a.shape, a.dtype, w) for a, w in zip(avals, weak, strict=True)]
        while True:
            jaxpr, consts, out = self.stage(avals, slices)
            settled = [
                Aval(a.shape, common_dtype((a, o)) if w else a.dtype)
                for a, o, w in zip(avals, out, weak, strict=True)
            ]
            if settled == avals:
                break
            avals = settled
        self.check(avals, out)
        self.jaxpr, self.consts = jaxpr, consts
        self.init = [
            cast(x if hasattr(x, "dtype") else np.asarray(x), a.dtype)
            for x, a in zip(leaves, avals, strict=True)
        ]

    def stage(
        self, avals: Sequence[Aval], slices: Sequence[Aval]
    ) -> tuple[Jaxpr, tuple[Any, ...], list[Aval]]:
        """Return the program, its operands, and how the carry comes out of the user's function."""
        k = len(avals)
        out: list[Aval] = []

        def body(values: list[Any]) -> list[Any]:
            carry, y = self.step(tree.unflatten(self.tree, values[:k]), values[k:])
            check_arrays(self.who, "the result", y)
            check_arrays(self.who, "the carry", carry)
            leaves = same_structure(self.who, "the carry that a step gives", self.tree, carry)
            out[:] = map(aval_of, leaves)
            y_leaves, self.y_tree = tree.flatten(y)
            fits = (cast(x, a.dtype) for x, a in zip(leaves, avals, strict=True))
            return [*fits, *(cast(y, aval_of(y).dtype) for y in y_leaves)]

        jaxpr, consts = staged(self.origin, body, [*avals, *slices])
        return jaxpr, consts, out

    def check(self, avals: Sequence[Aval], out: Sequence[Aval]) -> None:
        """Raise unless each leaf of the carry comes out as it went in."""
        for path, a, o in zip(self.paths, avals, out, strict=True):
            if a.shape == o.shape and (
                a.dtype == o.dtype or (o.weak and common_dtype((a, o)) == a.dtype)
            ):
                continue
            kind, cure = ShapeError, "return the same shape, or start from an init of that shape"
            if a.shape == o.shape:
                kind, cure = DtypeError, f"convert it: x.astype({str(a.dtype)!r}), or the init"
            raise kind(
                f"{self.who}: the carry must come out of a step as it went in: "
                f"{tree.keystr(path) or 'it'} went in as {a} and came out as {o}; {cure}"
            )

    def result(self, leaves: Sequence[Any]) -> tuple[Any, Any]:
        """Return the last carry and the stacked results as the user's trees."""
        k = len(self.init)
        taken = set(map(id, (*self.init, *self.consts)))
        mine = [owned(x, taken) for x in leaves]
        return tree.unflatten(self.tree, mine[:k]), tree.unflatten(self.y_tree, mine[k:])

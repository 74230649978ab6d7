"""The sizes of a batch for which a model is compared with its function.

A model is written from the programs for three sizes. Python may take another path at others: there
the graph must be the same one, or the model must give the results of the function.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx.reference import ReferenceEvaluator
from onnx.reference.ops.op_reshape import Reshape_14

from ..core import tree
from ..core.avals import Aval, aval_of, shape_of
from ..core.errors import ShapeError, UnsupportedError, shown
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..transforms.abstract import ShapeDtypeStruct
from ..transforms.jit.api import Compiled
from ..transforms.jit.signature import Signature

WRITTEN = (37, 41, 43)  # primes: few other axes have these lengths
CHECKED = (*range(1, 9), 16, 32, 64, 128, 256, 512, 1024)
LARGEST = 2**24  # elements of the arguments with which a model runs in Python
SLACK = 1e-3  # float32: terms may be added in another order

Draw = Callable[[np.random.Generator, Sequence[int]], np.ndarray]
_normal: Draw = lambda rng, shape: rng.normal(size=shape)
_positive: Draw = lambda rng, shape: rng.uniform(0.1, 1, shape)
# negative numbers have no logarithm, and integers may be indices: each kind is drawn in two ways
DRAWS: tuple[tuple[Draw, bool], ...] = ((_normal, True), (_positive, True), (_normal, False))


@dataclass(frozen=True, slots=True)
class Batches:
    """A function for batches of other sizes than that of its arguments.

    Args:
        fun: the function.
        name: how it is called in messages.
        args: its arguments.
        axes: the axis of the batch of each leaf, or None.
    """

    fun: Compiled[..., Any]
    name: str
    args: tuple[Any, ...]
    axes: Sequence[int | None]

    @property
    def given(self) -> int:
        """The size of the batch in the arguments."""
        pairs = zip(tree.leaves(self.args), self.axes, strict=True)
        return next(int(shape_of(x)[axis]) for x, axis in pairs if axis is not None)

    def staged(self, size: int) -> Signature:
        """The function for a batch of this size.

        Raises:
            UnsupportedError: if it does not take one.
        """
        leaves, structure = tree.flatten(self.args)
        sized = [x if axis is None else ShapeDtypeStruct(_shape(x, axis, size), x.dtype)
                 for x, axis in zip(leaves, self.axes, strict=True)]  # fmt: skip
        try:
            return self.fun._signature(tree.unflatten(structure, sized), {})[0]
        except Exception as err:
            raise UnsupportedError(
                f"export.onnx: {self.name} does not take a batch of {size}, as it does "
                f"{self.given}: {err}; leave batch_axes out"
            ) from err


def check_batch(axes: Sequence[int | None], leaves: Sequence[Any]) -> None:
    """Refuse batch axes that are not there, or have different lengths.

    Raises:
        ShapeError: if there are any.
    """
    pairs = [(axis, x) for axis, x in zip(axes, leaves, strict=True) if axis is not None]
    for axis, x in pairs:
        rank = len(shape_of(x))
        if type(axis) is not int or not -rank <= axis < rank or not hasattr(x, "dtype"):
            raise ShapeError(
                f"export.onnx: batch_axes must be an axis of each array, or None: got "
                f"{shown(axis)} for {aval_of(x)}"
            )
    sizes = {shape_of(x)[axis] for axis, x in pairs}
    if len(sizes) > 1:
        raise ShapeError(
            f"export.onnx: batch_axes must have the same length in all arguments: got "
            f"{', '.join(map(str, sorted(sizes)))}"
        )


class Reshape(Reshape_14):
    """Reshape without lengths below -1, each of which NumPy takes for an unknown one."""

    def _run(self, data: Any, shape: Any, **options: Any) -> Any:
        if np.min(shape, initial=0) < -1:
            raise ValueError(f"a length is {np.min(shape)}")
        return super()._run(data, shape, **options)


def is_right(
    model: Any, program: Jaxpr, operands: Sequence[Any], axes: Sequence[int | None]
) -> bool:
    """Whether a model gives the results of the program of another batch size, at random numbers."""
    if sum(v.aval.size for v in program.invars) > LARGEST:
        return False
    same: list[bool] = []
    for draw, rows in DRAWS:
        rng = np.random.default_rng(0)
        triples = zip(operands, program.invars, axes, strict=True)
        xs = [_example(x if rows else None, v.aval, axis, draw, rng) for x, v, axis in triples]
        with np.errstate(all="ignore"), suppress(Exception):  # at these numbers, for a user too
            want = eval_jaxpr(program, (), xs)
            same.append(_gives(model, xs, want))
    return bool(same) and all(same)


def _gives(model: Any, xs: Sequence[Any], want: Sequence[Any]) -> bool:
    names = [i.name for i in model.graph.input]
    try:
        got = ReferenceEvaluator(model, new_ops=[Reshape]).run(
            None, dict(zip(names, xs, strict=True))
        )
    except Exception:  # of an operation that the evaluator lacks, or of shapes that do not fit
        return False
    return all(map(_is_near, want, got))


def _shape(x: Any, axis: int, size: int) -> tuple[int, ...]:
    shape = [*shape_of(x)]
    shape[axis] = size
    return tuple(shape)


def _example(x: Any, aval: Aval, axis: int | None, draw: Draw, rng: np.random.Generator) -> Any:
    """An operand: random floating-point numbers; integers from rows of an argument, or 0."""
    if aval.dtype.kind == "f":
        return np.asarray(draw(rng, aval.shape), aval.dtype)
    if x is None or isinstance(x, ShapeDtypeStruct) or not np.size(x):
        return np.zeros(aval.shape, aval.dtype)
    if axis is not None:
        x = np.take(x, rng.integers(0, np.shape(x)[axis], aval.shape[axis]), axis)
    return np.asarray(x, aval.dtype)


def _is_near(want: Any, got: Any) -> bool:
    x, y = np.asarray(want), np.asarray(got)
    size = np.abs(x, where=np.isfinite(x), out=np.zeros(x.shape)).max(initial=0)
    same = x.shape == y.shape and x.dtype == y.dtype
    return bool(same and np.allclose(y, x, SLACK, SLACK * size, equal_nan=True))

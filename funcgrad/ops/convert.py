"""Casts: the primitives of astype, and the helpers by which rules cast."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, accumulation_dtype, aval_of, dtype_of, is_inexact
from ..core.companions import Codegen
from ..core.emitter import Emitter, V
from ..core.errors import DtypeError
from ..core.frames import warn
from ..core.registry import load
from ..core.trace import Tracer
from .dependences import Keeping
from .linear import Linear
from .paths import Masked


class Convert(Linear, Codegen, Keeping):
    """Cast to a floating dtype; complex to real keeps the real part."""

    is_smooth = True

    @override
    def run(self, x: Any, *, dtype: np.dtype) -> tuple[Any, ...]:
        if not isinstance(x, (np.ndarray, np.generic)):
            x = np.asarray(x)[()]
            if isinstance(x, int):
                raise OverflowError(f"convert: a Python int must fit 64 bits: got {x}; use a float")
        if x.dtype.kind == "c" and dtype.kind in "fiu":
            x = x.real
        return (x.astype(dtype),)

    @override
    def infer(self, x: Aval, *, dtype: np.dtype) -> tuple[Aval, ...]:
        return (Aval(x.shape, dtype),)

    @override
    def transpose(self, ct: Any, x: Any, *, dtype: np.dtype) -> Any:
        return convert_p(ct, dtype=dtype_of(x))

    @override
    def on_paths(self, args: Any, live: Any, *, dtype: np.dtype) -> Masked:
        return self.bind(*args, dtype=dtype), live

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, dtype: np.dtype) -> None:
        w.convert(ins[0], dtype, outs[0])


class Truncate(Convert):
    """Cast to an integer or boolean dtype, which carries no derivative."""

    differentiable = False

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return False


convert_p = Convert("convert")
truncate_p = Truncate("truncate")


def cast(x: Any, dtype: Any) -> Any:
    """``x`` cast to a dtype, itself if it has it; complex to real warns, as in NumPy.

    A rule whose derivative is the real part uses ``project``, which does not warn.
    """
    if dtype_of(x) is dtype:
        return x
    if dtype_of(x).kind == "c" and np.dtype(dtype).kind in "fiu":
        lost = "Casting complex values to real discards the imaginary part"
        warn(lost, np.exceptions.ComplexWarning)
    return project(x, dtype)


def upcast(x: Any) -> Any:
    """``x`` in the dtype of its sums: see ``accumulation_dtype``."""
    return cast(x, accumulation_dtype(dtype_of(x)))


def project(x: Any, dtype: Any) -> Any:
    """``x`` cast to a dtype, itself if it has it; complex to real takes the real part."""
    if dtype_of(x) is dtype:
        return x
    dtype = np.dtype(dtype)
    if dtype_of(x) == dtype:
        return x
    if dtype.kind in "biufc" and dtype_of(x).kind in "US":
        error = load("funcgrad.answers.misfits").ArgumentError
        raise error(f"cast: a text is not a number: got {aval_of(x)}; write float(x)")
    if dtype.kind not in "biufc" and isinstance(x, Tracer):
        raise DtypeError(
            f"astype: a traced array must have a numeric dtype: got {dtype}; convert "
            f"outside the traced function"
        )
    return (convert_p if is_inexact(dtype) else truncate_p)(x, dtype=dtype)


def strip_weak_type(x: Any) -> Any:
    """``x`` without weak type: a Python scalar becomes a NumPy scalar."""
    aval = aval_of(x)
    if not aval.weak:
        return x
    return (convert_p if is_inexact(aval.dtype) else truncate_p)(x, dtype=aval.dtype)

"""ONNX: models for inference, which many run-times read."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..core.errors import DtypeError, shown
from ..core.lazy import answering
from ..core.registry import load
from ..transforms.arguments import check_callable


@answering
def onnx(
    fun: Callable[..., Any],
    /,
    *args: Any,
    path: str | os.PathLike[str] | None = None,
    batch_axes: Any = None,
    dtype: Any = "float32",
) -> Any:
    """The model of a function in ONNX, opset 21, which is also written to a file.

    The inputs of the model are the leaves of the arguments, called by argument and tree path;
    arrays that the function closes over, such as parameters, are constants of it.

    Args:
        fun: a function of arrays, or of trees of arrays.
        *args: arguments, or ShapeDtypeStructs for the arrays.
        path: the file.
        batch_axes: for each argument the axis of the batch, or None; a prefix of the arguments. The
            model then takes batches of all sizes. It is compared with the function at the sizes
            1 to 8 and at powers of two up to 1024: an ``if`` that takes another path at others
            alone is not seen.
        dtype: "float32" for a model in single precision, None for the function's dtypes.

    Raises:
        ImportError: if the package onnx is not installed.
        UnsupportedError: if an operation has no form in ONNX, if a length or number is no linear
            function of the batch size, or if the function does not take a batch of a size.
    """
    check_callable("export.onnx", fun)
    if dtype is not None and np.dtype(dtype) != np.float32:
        raise DtypeError(f"export.onnx: dtype must be 'float32' or None: got {shown(dtype)}")
    if find_spec("onnx") is None:
        raise ImportError("export.onnx: onnx is not installed: run pip install 'funcgrad[onnx]'")
    made = load("funcgrad.export.onnx_model")
    return made.onnx_model(fun, args, path, batch_axes, dtype)

"""Scalar types, such as ``jax.numpy.float32``: dtypes that are called to make arrays."""

from typing import Any

import numpy as np

from .arrays import TracedArray, lowered_leaf, raised
from .config import NO_DTYPES, as_dtype, canonicalize_dtype, no_dtype


class ScalarMeta(type):
    """A class that is equal to NumPy's scalar type, and whose calls make arrays."""

    dtype: Any

    def __call__(cls, x: Any = 0) -> Any:
        if isinstance(x, TracedArray):
            return x.astype(cls.dtype)
        return raised(np.asarray(lowered_leaf(x)).astype(canonicalize_dtype(cls.dtype)))

    def __eq__(cls, other: Any) -> bool:
        return cls is other or (isinstance(other, (type, np.dtype)) and _same(cls.dtype, other))

    def __hash__(cls) -> int:
        return hash(cls.dtype.type)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, cls.dtype.type)

    def __repr__(cls) -> str:
        return f"<class 'jax.numpy.{cls.__name__}'>"


def _same(dtype: np.dtype[Any], other: Any) -> bool:
    try:
        return dtype == np.dtype(other)
    except TypeError:
        return False


def scalar_type(name: str) -> Any:
    """The scalar type of a name of NumPy's."""
    return ScalarMeta(name, (), {"dtype": np.dtype(getattr(np, name))})


class NoDtype:
    """A dtype that NumPy lacks: its name is there, and a use raises."""

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name

    @property
    def dtype(self) -> Any:
        raise no_dtype(self.name)

    def __call__(self, x: Any = 0) -> Any:
        return self.dtype

    def __repr__(self) -> str:
        return self.name


SCALARS = {
    name: scalar_type(name)
    for name in (
        "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64", "complex64", "complex128",
    )
}  # fmt: skip
SCALARS |= {
    "bool": SCALARS["bool_"], "int_": SCALARS["int64"], "uint": SCALARS["uint64"],
    "float_": SCALARS["float64"], "double": SCALARS["float64"], "single": SCALARS["float32"],
    "half": SCALARS["float16"], "complex_": SCALARS["complex128"],
    "csingle": SCALARS["complex64"], "cdouble": SCALARS["complex128"],
}  # fmt: skip
ABSENT = {name: NoDtype(name) for name in NO_DTYPES}


def dtype_in(x: Any) -> Any:
    """The dtype of a scalar type; any other argument as it is."""
    absent = isinstance(x, str) and x in NO_DTYPES
    return as_dtype(x) if absent or isinstance(x, (ScalarMeta, NoDtype)) else x

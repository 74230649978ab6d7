"""``jax.dtypes``."""

from typing import Any

import numpy as np

from .config import canonicalize_dtype as canonicalize_dtype
from .numpy import (
    finfo as finfo,
    iinfo as iinfo,
    issubdtype as issubdtype,
    promote_types as promote_types,
    result_type as result_type,
)
from .scalars import ABSENT

float0 = np.dtype([("float0", np.void, 0)])
bfloat16 = ABSENT["bfloat16"]


class extended:  # noqa: N801, JAX's name
    """The kind of dtypes that NumPy lacks."""

    of_keys = True


class prng_key(extended):  # noqa: N801, JAX's name
    """The kind of the dtype of keys."""


def scalar_type_of(x: Any) -> type:
    """Python's scalar type of a value."""
    kind = np.asarray(x).dtype.kind if not hasattr(x, "dtype") else x.dtype.kind
    return {"b": bool, "i": int, "u": int, "f": float, "c": complex}[kind]

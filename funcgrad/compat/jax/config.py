"""JAX's configuration: ``config.update("jax_enable_x64", True)``; other flags are ignored."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from ...core.errors import UnsupportedError
from ...core.registry import load


class Config:
    """Flags by name; ``jax_enable_x64`` chooses the default dtypes, and the widest ones."""

    def __init__(self) -> None:
        given = os.environ.get("JAX_ENABLE_X64", "").lower() in ("1", "true", "yes", "on")
        self.flags: dict[str, Any] = {"jax_enable_x64": given}

    def update(self, name: str, value: Any) -> None:
        """Set a flag."""
        if name == "jax_debug_nans" and value:
            raise UnsupportedError("config.jax_debug_nans: use funcgrad.debug.nans()")
        if name == "jax_threefry_partitionable" and not value:
            words = f"config.{name}: random bits stay those of True, JAX's default: expect others"
            warnings.warn(words, stacklevel=2)
        self.flags[name] = value

    def read(self, name: str) -> Any:
        return self.flags.get(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.flags.get(name, self.flags.get(f"jax_{name}"))

    @property
    def x64_enabled(self) -> bool:
        return bool(self.flags["jax_enable_x64"])


config = Config()

_NARROW = {
    np.dtype(wide): np.dtype(narrow)
    for wide, narrow in [
        ("float64", "float32"), ("int64", "int32"), ("uint64", "uint32"),
        ("complex128", "complex64"), ("longdouble", "float32"), ("clongdouble", "complex64"),
    ]
}  # fmt: skip


@contextmanager
def enable_x64(new_val: bool = True) -> Iterator[None]:
    """Set ``jax_enable_x64`` within a block."""
    before = config.flags["jax_enable_x64"]
    config.flags["jax_enable_x64"] = new_val
    try:
        yield
    finally:
        config.flags["jax_enable_x64"] = before


NO_DTYPES = (
    "bfloat16", "int2", "int4", "uint2", "uint4", "float8_e4m3fn", "float8_e5m2",
    "float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2fnuz",
)  # fmt: skip


def no_dtype(name: str) -> UnsupportedError:
    """The error for a dtype that NumPy lacks."""
    return UnsupportedError(f"{name}: NumPy has no such dtype; use float32")


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """A dtype from one of its names, scalar types or scalars."""
    if isinstance(dtype, type) and issubclass(dtype, np.generic):
        return np.dtype(dtype)
    if isinstance(dtype, str) and dtype in NO_DTYPES:
        raise no_dtype(dtype)
    return np.dtype(getattr(dtype, "dtype", dtype))


def canonicalize_dtype(dtype: Any, allow_extended_dtype: bool = False) -> np.dtype[Any]:
    """The dtype that an array of a dtype has: of 32 bits unless ``jax_enable_x64`` is set."""
    if isinstance(dtype, str) and dtype in NO_DTYPES:
        raise no_dtype(dtype)
    dtype = np.dtype(dtype)
    return dtype if config.flags["jax_enable_x64"] else _NARROW.get(dtype, dtype)


def default_dtype(kind: str) -> np.dtype[Any]:
    """The dtype of Python scalars: of kind "b", "i", "f" or "c"."""
    return canonicalize_dtype({"b": bool, "i": np.int64, "f": float, "c": complex}[kind])


def debug_nans(new_val: bool = True) -> Any:
    """Raise for a nan or inf within a block; see funcgrad.debug.nans."""
    return load("funcgrad.debug").nans() if new_val else nullcontext()


debug_infs = debug_nans  # an inf of finite operands raises too


def ignored_flag(new_val: Any = None) -> Any:
    """A block in which nothing changes: the flag has no meaning here."""
    return nullcontext()


# flags that JAX sets within blocks
IGNORED_FLAGS = (
    "allow_f16_reductions", "array_garbage_collection_guard", "auto_pcast", "check_tracer_leaks",
    "debug_key_reuse", "default_prng_impl", "enable_checks", "enable_custom_prng",
    "explain_cache_misses", "jax2tf_associative_scan_reductions", "legacy_prng_key",
    "remove_size_one_mesh_axis_from_type", "softmax_custom_jvp", "thread_guard",
    "threefry_partitionable", "transfer_guard", "transfer_guard_device_to_device",
    "transfer_guard_device_to_host", "transfer_guard_host_to_device",
)  # fmt: skip

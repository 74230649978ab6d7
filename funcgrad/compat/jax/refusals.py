"""Names of JAX without a counterpart, each with what to use instead."""

from typing import Any

from ...core.errors import UnsupportedError

REFUSED = {
    "jax.pmap": "one process computes: use vmap",
    "jax.sharding": "one process computes: leave it out",
    "jax.make_mesh": "one process computes: leave it out",
    "jax.set_mesh": "one process computes: leave it out",
    "jax.shard_map": "one process computes: use vmap",
    "jax.distributed": "one process computes: leave it out",
    "jax.experimental.pallas": "there are no kernels of one's own: write the function in NumPy",
    "jax.experimental.mesh_utils": "one process computes: leave it out",
    "jax.experimental.shard_map": "one process computes: use vmap",
    "jax.experimental.sparse": "use funcgrad.sparse",
    "jax.experimental.checkify": "use funcgrad.debug.nans()",
    "jax.experimental.io_callback": "a compiled function calls no Python: call it outside of jit",
    "jax.ffi": "a compiled function calls no other library: use funcgrad.custom_vjp",
    "jax.dlpack": "use numpy.from_dlpack",
    "jax.profiler": "use a profiler of Python",
    "jax.export": "use funcgrad.export",
    "jax.interpreters": "use funcgrad.extend",
    "jax.core": "use funcgrad.make_jaxpr",
    "jax.lib": "there is no XLA",
    "jax.lax.linalg": "use jax.numpy.linalg and jax.scipy.linalg",
}


def refused(module: str, name: str) -> Exception:
    """The error for a name without a counterpart."""
    full = f"{module}.{name}"
    cure = REFUSED.get(full)
    if cure is not None:
        return UnsupportedNameError(f"{full}: it has no counterpart in compat.jax: {cure}")
    return AttributeError(f"module {module!r} has no attribute {name!r} in compat.jax")


class UnsupportedNameError(UnsupportedError, AttributeError):
    """A name of JAX that is refused: ``hasattr`` is false."""


def refuse(full: str, cure: str) -> Any:
    """A function that raises for its name."""

    def call(*args: Any, **kwargs: Any) -> Any:
        raise UnsupportedError(f"{full}: it has no counterpart in compat.jax: {cure}")

    return call


class RefusedMeta(type):
    """A class that has no instances: to make one raises."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise UnsupportedError(
            f"jax.sharding.{cls.__name__}: it has no counterpart in compat.jax: one process "
            f"computes: leave it out"
        )


# classes of jax.sharding, which programs name in annotations and ask of instances
SHARDING = {
    name: RefusedMeta(name, (), {})
    for name in (
        "Mesh", "NamedSharding", "PartitionSpec", "PositionalSharding", "Sharding",
        "SingleDeviceSharding", "AbstractMesh",
    )
}  # fmt: skip

"""Names of JAX without a counterpart, each with what to use instead."""

import sys
from types import ModuleType
from typing import Any

from ...core.errors import UnsupportedError
from ...core.missing import imports

_ONE = "one process computes: leave it out"
# functions, which raise when they are called
FUNCTIONS = {
    "jax.pmap": "one process computes: use vmap",
    "jax.make_mesh": _ONE,
    "jax.set_mesh": _ONE,
    "jax.shard_map": "one process computes: use vmap",
    "jax.reshard": _ONE,
    "jax.smap": "one process computes: use vmap",
    "jax.make_array_from_callback": "one process computes: use jax.numpy.array",
    "jax.make_array_from_process_local_data": "one process computes: use jax.numpy.array",
    "jax.make_array_from_single_device_arrays": "one process computes: use jax.numpy.array",
    "jax.live_arrays": "arrays are NumPy's, of which no list is kept: use tracemalloc",
    "jax.new_ref": "arrays are immutable: use x.at[index].set(value)",
    "jax.empty_ref": "arrays are immutable: use x.at[index].set(value)",
    "jax.free_ref": "arrays are immutable: use x.at[index].set(value)",
    "jax.freeze": "arrays are immutable: use x.at[index].set(value)",
    "jax.no_tracing": "leave it out",
    "jax.no_execution": "leave it out",
    "jax.experimental.io_callback": "a compiled function calls no Python: call it outside of jit",
    "jax.experimental.shard_map.shard_map": "one process computes: use vmap",
}
# modules, whose names raise
MODULES = {
    "jax.distributed": _ONE,
    "jax.experimental.pallas": "there are no kernels of one's own: write the function in NumPy",
    "jax.experimental.mesh_utils": _ONE,
    "jax.experimental.multihost_utils": _ONE,
    "jax.experimental.sparse": "use funcgrad.sparse",
    "jax.experimental.checkify": "use funcgrad.debug.nans()",
    "jax.experimental.jet": "use funcgrad.jet",
    "jax.ffi": "a compiled function calls no other library: use funcgrad.custom_vjp",
    "jax.dlpack": "use numpy.from_dlpack",
    "jax.export": "use funcgrad.export",
    "jax.interpreters": "use funcgrad.extend",
    "jax.extend": "use funcgrad.extend",
    "jax.lib": "there is no XLA",
    "jax.scipy.spatial": "write the rotation by jax.numpy",
    "jax.scipy.spatial.transform": "write the rotation by jax.numpy",
    "jax.stages": "there is no XLA",
}


class RefusedModule(ModuleType):
    """A module of JAX that can be imported, and whose names raise."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        cure = MODULES[self.__doc__ or ""]
        told = f"{self.__doc__}.{name}: it has no counterpart in compat.jax: {cure}"
        raise ImportError(told) if imports(sys._getframe(1)) else UnsupportedNameError(told)


def refused(module: str, name: str) -> Exception:
    """The error for a name without a counterpart."""
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


def register(package: str, experimental: Any) -> dict[str, Any]:
    """Put refused modules where ``import`` finds them; what belongs into the package itself."""
    own: dict[str, Any] = {}
    made: dict[str, Any] = {path: refuse(path, cure) for path, cure in FUNCTIONS.items()}
    for path in MODULES:
        module = made[path] = RefusedModule(f"{package}{path.removeprefix('jax')}", path)
        sys.modules[module.__name__] = module
    for path, value in made.items():
        parent, _, last = path.rpartition(".")
        if parent == "jax":
            own[last] = value
        elif parent == "jax.experimental":
            setattr(experimental, last, value)
    return own

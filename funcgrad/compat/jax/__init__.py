"""JAX's names, on funcgrad: ``import funcgrad.compat.jax as jax``.

Outside of transforms arrays are read-only ndarrays with ``.at``. Default dtypes have 32 bits unless
``jax_enable_x64`` is set. Names without a counterpart are refused with what to use instead.

>>> import funcgrad.compat.jax as jax, funcgrad.compat.jax.numpy as jnp
>>> jax.vmap(jax.grad(jnp.sin))(jnp.zeros(3).at[1].set(1.0)).round(4)
Array([1.    , 0.5403, 1.    ], dtype=float32)
"""

import sys as _sys
from types import ModuleType as _ModuleType
from typing import Any as _Any

from ...core.registry import load as _load
from ...debug import breakpoint as _breakpoint
from ...transforms.abstract import ShapeDtypeStruct as ShapeDtypeStruct
from . import (
    derivatives as _derivatives,
    dtypes as dtypes,
    errors as errors,
    lax as lax,
    monitoring as monitoring,
    numpy as numpy,
    operators as operators,
    profiler as profiler,
    random as random,
    spaces as _spaces,
    toplevel as _top,
    trees as _trees,
    updates as updates,
)
from .array_type import Array as Array
from .arrays import TracedArray as _TracedArray
from .config import (
    IGNORED_FLAGS as _IGNORED_FLAGS,
    config as config,
    debug_infs as debug_infs,
    debug_nans as debug_nans,
    enable_x64 as enable_x64,
    ignored_flag as _ignored_flag,
)
from .derivatives import fwd_and_bwd as fwd_and_bwd
from .devices import Device as Device
from .dtypes import float0 as float0
from .refusals import SHARDING as _SHARDING, refused as _refused, register as _register
from .toplevel import (
    block_until_ready as block_until_ready,
    clear_caches as clear_caches,
    copy_to_host_async as copy_to_host_async,
    default_backend as default_backend,
    device_count as device_count,
    device_get as device_get,
    device_put as device_put,
    devices as devices,
    effects_barrier as effects_barrier,
    host_count as host_count,
    local_device_count as local_device_count,
    local_devices as local_devices,
    named_call as named_call,
    nothing as _nothing,
    print_environment_info as print_environment_info,
    process_count as process_count,
    process_index as process_index,
    process_indices as process_indices,
    pure_callback as pure_callback,
    typeof as typeof,
)
from .transforms import (
    checkpoint as checkpoint,
    closure_convert as closure_convert,
    custom_gradient as custom_gradient,
    custom_jvp as custom_jvp,
    custom_vjp as custom_vjp,
    custom_vmap as _custom_vmap,
    eval_shape as eval_shape,
    grad as grad,
    hessian as hessian,
    jacfwd as jacfwd,
    jacobian as jacobian,
    jacrev as jacrev,
    jit as jit,
    jvp as jvp,
    linear_transpose as linear_transpose,
    linearize as linearize,
    make_jaxpr as make_jaxpr,
    remat as remat,
    value_and_grad as value_and_grad,
    vjp as vjp,
    vmap as vmap,
)

__version__, __version_info__ = "0.10.2", (0, 10, 2)
named_scope = default_device = default_matmul_precision = numpy_rank_promotion = _nothing
log_compiles = ensure_compile_time_eval = checking_leaks = numpy_dtype_promotion = _nothing
host_id, host_ids = process_index, process_indices
globals().update(dict.fromkeys(_IGNORED_FLAGS, _ignored_flag))


def disable_jit(disable: bool = True) -> _Any:
    """Run functions themselves within a block."""
    return _load("funcgrad").disable_jit() if disable else _nothing()


def _module(name: str, **values: _Any) -> _ModuleType:
    """A module of few names, where ``import`` finds it."""
    module = _ModuleType(f"{__name__}.{name}")
    vars(module).update(values)
    module.__getattr__ = lambda n: _missing(f"jax.{name}", n)  # type: ignore[method-assign]
    _sys.modules[module.__name__] = module
    return module


def _missing(module: str, name: str) -> _Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise _refused(module, name)


tree_util = _trees
_sys.modules[f"{__name__}.tree_util"] = _trees
tree = _module(
    "tree",
    all=_trees.tree_all, broadcast=_trees.tree_broadcast, flatten=_trees.tree_flatten,
    flatten_with_path=_trees.tree_flatten_with_path, leaves=_trees.tree_leaves,
    leaves_with_path=_trees.tree_leaves_with_path, map=_trees.tree_map,
    map_with_path=_trees.tree_map_with_path, reduce=_trees.tree_reduce,
    reduce_associative=_trees.tree_reduce_associative, static=_trees.static,
    structure=_trees.tree_structure,
    transpose=_trees.tree_transpose, unflatten=_trees.tree_unflatten,
)  # fmt: skip
flatten_util = _module("flatten_util", ravel_pytree=_top.ravel_pytree)
test_util = _module(
    "test_util",
    check_grads=_top.check_grads, check_jvp=_derivatives.check_jvp,
    check_vjp=_derivatives.check_vjp,
)  # fmt: skip
debug = _module(
    "debug", print=_top.debug_print, callback=_top.debug_callback, log=_top.debug_print,
    breakpoint=_breakpoint,
)  # fmt: skip
typing = _module("typing", ArrayLike=_Any, DTypeLike=_Any)
core = _module(
    "core",
    Tracer=_TracedArray, ShapedArray=ShapeDtypeStruct, eval_jaxpr=_top.eval_jaxpr,
    ensure_compile_time_eval=_nothing, eval_context=_nothing, max_dim=max, min_dim=min,
)  # fmt: skip
ad_checkpoint = _module(
    "ad_checkpoint",
    checkpoint=checkpoint, checkpoint_name=_top.checkpoint_name,
    checkpoint_policies=_load("funcgrad.transforms.checkpoint").checkpoint_policies,
)  # fmt: skip
custom_derivatives = _module(
    "custom_derivatives",
    closure_convert=closure_convert, custom_gradient=custom_gradient, custom_jvp=custom_jvp,
    custom_vjp=custom_vjp, SymbolicZero=_derivatives.SymbolicZero,
    zero_from_primal=_derivatives.zero_from_primal,
)  # fmt: skip
custom_batching = _module("custom_batching", custom_vmap=_custom_vmap)
ops = _module("ops", **_top.SEGMENTS)
sharding = _module("sharding", **_SHARDING)
NamedSharding, P = _SHARDING["NamedSharding"], _SHARDING["PartitionSpec"]
experimental = _module("experimental", enable_x64=enable_x64)
globals().update(_register(__name__, experimental))
_module("experimental.ode", odeint=_top.odeint)
_module("experimental.shard_map", shard_map=globals()["shard_map"])
_module("_src.flatten_util", ravel_pytree=_top.ravel_pytree)  # programs import it from there
tree_map, tree_leaves = _trees.tree_map, _trees.tree_leaves
_found = _spaces.register(__name__)
nn, scipy = _found["nn"], _found["scipy"]


_LATE = ("example_libraries", "image")  # modules that are loaded when they are named


def __getattr__(name: str) -> _Any:
    if name in _LATE:
        return _load(f"{__name__}.{name}")
    if name == "checkpoint_policies":
        return _load("funcgrad").checkpoint_policies
    raise _refused("jax", name)

"""Differentiate ordinary NumPy code.

``grad(loss)(params)`` is all it takes; ``loss`` is written with ``import numpy as np``.
"""

from . import numpy as numpy, tree as tree
from .core import errors as errors
from .core.config import config as config
from .core.lazy import fetched as _fetched, homes_of as _homes_of, publish as _publish
from .core.registry import load as _load
from .transforms.batching import vmap as vmap
from .transforms.forward import jvp as jvp
from .transforms.grad import grad as grad, value_and_grad as value_and_grad, vjp as vjp
from .transforms.staging import (
    ShapeDtypeStruct as ShapeDtypeStruct,
    closure_convert as closure_convert,
    eval_shape as eval_shape,
    make_jaxpr as make_jaxpr,
)

__version__ = "0.2.0.dev0"

# loaded when they are first asked for: a script that takes gradients pays for no neural networks
_PARTS = (
    "data", "debug", "extend", "io", "lax", "linalg", "losses", "nn", "optim", "random", "scipy",
    "special", "train",
)  # fmt: skip
_HOMES = _homes_of({
    "numpy.at": "at",
    "ops.ravel": "ravel_pytree",
    "transforms.checking": "check_grads",
    "transforms.checkpoint": "checkpoint checkpoint_name checkpoint_policies remat",
    "transforms.custom.decorators": "custom_batch custom_gradient custom_jvp custom_vjp",
    "transforms.jacobian": "gnvp hessian hvp jacfwd jacobian jacrev",
    "transforms.jit.api": "Compiled disable_jit jit",
    "ops.stop_gradient": "stop_gradient",
    "transforms.linear": "linear_transpose linearize",
})  # fmt: skip


def __getattr__(name: str) -> object:
    if name in _PARTS:
        return _load(f"{__name__}.{name}")
    if name in _HOMES:
        return _fetched(__name__, _HOMES[name], name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_publish(__name__, ["errors", "numpy", "tree", *_PARTS, *_HOMES])

"""Differentiate ordinary NumPy code.

``grad(loss)(params)`` is all it takes; ``loss`` is written with ``import numpy as np``.
"""

from .core import errors as errors
from .core.lazy import homes_of as _homes_of, late as _late

__version__ = "0.2.0.dev0"

# loaded at first use: a script that takes gradients does not wait for neural networks
_PARTS = (
    "bridge", "compat", "data", "debug", "dist", "export", "extend", "io", "lax", "linalg",
    "losses", "nn", "numpy", "optim", "random", "scipy", "sparse", "special", "train", "tree",
)  # fmt: skip
_HOMES = _homes_of({
    "core.config": "config",
    "core.devices": "block_until_ready device_put",
    "numpy.at": "at",
    "ops.ravel": "ravel_pytree",
    "ops.stop_gradient": "stop_gradient",
    "transforms.abstract": "ShapeDtypeStruct closure_convert eval_shape make_jaxpr",
    "transforms.batching": "vmap",
    "transforms.checking": "check_grads",
    "transforms.checkpoint": "checkpoint checkpoint_name checkpoint_policies remat",
    "transforms.curvature": "curvature gnvp hvp",
    "transforms.custom.decorators": "custom_batch custom_gradient custom_jvp custom_vjp",
    "transforms.forward": "jvp",
    "transforms.grad": "grad value_and_grad vjp",
    "transforms.jacobian": "hessian jacfwd jacobian jacrev",
    "transforms.jet": "jet taylor",
    "transforms.jit.api": "Compiled disable_jit jit",
    "transforms.laplacian.api": "laplacian value_grad_laplacian",
    "transforms.linear": "linear_transpose linearize",
    "tree": "tree_flatten",
})  # fmt: skip

_late(__name__, _PARTS, _HOMES, ["errors"])

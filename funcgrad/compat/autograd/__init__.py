"""HIPS autograd's names, on funcgrad.

A program runs after its import lines are changed: ``import funcgrad.compat.autograd.numpy as np``,
``from funcgrad.compat.autograd import grad``. Functions in derivatives may also use plain NumPy.

>>> import funcgrad.compat.autograd.numpy as np
>>> from funcgrad.compat.autograd import elementwise_grad
>>> print(elementwise_grad(np.tanh)(np.array([0.0, 1.0])).round(4))
[1.   0.42]
"""

from ...core.lazy import missing as _missing, publish as _publish
from ...core.registry import load as _load
from .builtins import (
    dict as dict,
    isinstance as isinstance,
    list as list,
    tuple as tuple,
    type as type,
)
from .core import primitive_with_deprecation_warnings as primitive
from .differential_operators import (
    checkpoint as checkpoint,
    deriv as deriv,
    elementwise_grad as elementwise_grad,
    grad as grad,
    grad_and_aux as grad_and_aux,
    grad_named as grad_named,
    hessian as hessian,
    hessian_tensor_product as hessian_tensor_product,
    hessian_vector_product as hessian_vector_product,
    holomorphic_grad as holomorphic_grad,
    jacobian as jacobian,
    make_ggnvp as make_ggnvp,
    make_hvp as make_hvp,
    make_jvp as make_jvp,
    make_vjp as make_vjp,
    multigrad_dict as multigrad_dict,
    tensor_jacobian_product as tensor_jacobian_product,
    value_and_grad as value_and_grad,
    vector_jacobian_product as vector_jacobian_product,
)

_PARTS = (
    "builtins", "core", "differential_operators", "extend", "misc", "numpy", "scipy", "test_util",
    "tracer", "util", "wrap_util",
)  # fmt: skip


def __getattr__(name: str) -> object:
    if name in _PARTS:
        return _load(f"{__name__}.{name}")
    raise _missing(__name__, name)


primitive.__name__ = "primitive"
_publish(__name__, _PARTS)

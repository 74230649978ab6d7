"""Differentiate ordinary NumPy code."""

from . import numpy as numpy, tree as tree
from .transforms.forward import jvp as jvp
from .transforms.reverse import grad as grad, value_and_grad as value_and_grad, vjp as vjp
from .transforms.staging import (
    ShapeDtypeStruct as ShapeDtypeStruct,
    eval_shape as eval_shape,
    make_jaxpr as make_jaxpr,
)

"""Sparse derivatives: patterns, colourings, compressed Jacobians and Hessians."""

from ..core.lazy import publish as _publish
from .colouring import Colouring as Colouring
from .derivatives import (
    hessian as hessian,
    jacobian as jacobian,
    value_and_jacobian as value_and_jacobian,
)
from .matrix import CSR as CSR, csr as csr
from .passes import colour as colour
from .pattern import pattern as pattern
from .structure import Pattern as Pattern

_publish(__name__)

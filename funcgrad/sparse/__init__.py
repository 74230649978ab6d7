"""Sparse derivatives: patterns, colourings, compressed Jacobians and Hessians."""

from ..core.lazy import publish as _publish
from .pattern import pattern as pattern
from .structure import Pattern as Pattern

_publish(__name__)

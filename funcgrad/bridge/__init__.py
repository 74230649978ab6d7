"""Bridges between functions of NumPy code and JAX; JAX is imported at the first call."""

from ..core.lazy import publish as _publish
from .conversions import from_jax as from_jax, to_jax as to_jax

_publish(__name__)

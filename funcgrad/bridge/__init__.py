"""Bridges from functions of NumPy code to other array libraries, and from JAX.

JAX is imported at the first call.
"""

from ..core.lazy import publish as _publish
from .conversions import from_jax as from_jax, to_array_api as to_array_api, to_jax as to_jax

_publish(__name__)

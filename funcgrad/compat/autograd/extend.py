"""Primitives and vector spaces of one's own."""

from ...core.lazy import publish as _publish
from .core import (
    VSpace as VSpace,
    defjvp as defjvp,
    defjvp_argnum as defjvp_argnum,
    defjvp_argnums as defjvp_argnums,
    defvjp as defvjp,
    defvjp_argnum as defvjp_argnum,
    defvjp_argnums as defvjp_argnums,
    vspace as vspace,
)
from .tracer import (
    Box as Box,
    getval as getval,
    isbox as isbox,
    notrace_primitive as notrace_primitive,
    primitive as primitive,
    register_notrace as register_notrace,
)

_publish(__name__)

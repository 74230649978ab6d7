"""Sparse linear systems under SciPy's names; sparse matrices are those of ``funcgrad.sparse``."""

from ...core.lazy import publish as _publish
from . import linalg as linalg

_publish(__name__, ["linalg"])

"""SciPy's solvers over trees of parameters: a table of contents.

SciPy solves, on one flat vector; derivatives come from here. The solution has derivatives of its
own by all that the function depends on, by the implicit function theorem: they cost one linear
system, whatever the solver did.
"""

from ...core.lazy import publish as _publish
from .minimization import minimize as minimize
from .roots import least_squares as least_squares, root as root

_publish(__name__)

"""SciPy's solvers on trees of parameters, with derived gradients, Hessians and Jacobians.

The solution is differentiable in all values that the function depends on, by the implicit
function theorem: a derivative costs one linear system, however many steps the solver took.
"""

from ...core.lazy import publish as _publish
from .minimization import minimize as minimize
from .roots import least_squares as least_squares, root as root

_publish(__name__)

"""SciPy's solvers on trees of parameters, with derived gradients, Hessians and Jacobians.

The solution is differentiable in all values that the function depends on, by the implicit
function theorem: a derivative costs one linear system, however many steps the solver took.
``root_scalar``, ``minimize_scalar`` and ``solve_qp`` are programs, and need no SciPy.
"""

from ...core.lazy import publish as _publish
from .fitting import curve_fit as curve_fit, linear_sum_assignment as linear_sum_assignment
from .linear_problems import linprog as linprog, lsq_linear as lsq_linear, nnls as nnls
from .minimization import minimize as minimize
from .quadratic import solve_qp as solve_qp
from .roots import (
    fsolve as fsolve,
    least_squares as least_squares,
    leastsq as leastsq,
    root as root,
)
from .scalars import (
    bisect as bisect,
    brentq as brentq,
    minimize_scalar as minimize_scalar,
    newton as newton,
    root_scalar as root_scalar,
)

_publish(__name__)

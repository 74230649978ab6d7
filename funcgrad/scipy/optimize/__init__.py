"""SciPy's solvers on trees of parameters, with derived gradients, Hessians and Jacobians.

The solution is differentiable in all values that the function depends on, by the implicit
function theorem: a derivative costs one linear system, however many steps the solver took.
``root_scalar``, ``minimize_scalar`` and ``solve_qp`` are programs, and need no SciPy.
"""

from ...core.lazy import publish as _publish
from .classics import (
    Bounds as Bounds,
    LinearConstraint as LinearConstraint,
    NonlinearConstraint as NonlinearConstraint,
    anderson as anderson,
    brent as brent,
    broyden1 as broyden1,
    broyden2 as broyden2,
    fmin_cg as fmin_cg,
    fmin_ncg as fmin_ncg,
    fmin_powell as fmin_powell,
    fminbound as fminbound,
    golden as golden,
    isotonic_regression as isotonic_regression,
    newton_krylov as newton_krylov,
    rosen as rosen,
    rosen_der as rosen_der,
    rosen_hess as rosen_hess,
    rosen_hess_prod as rosen_hess_prod,
)
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

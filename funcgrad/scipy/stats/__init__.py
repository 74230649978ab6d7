"""Distributions under SciPy's names, with densities that are differentiable in all parameters.

``norm.logpdf(x, loc=0, scale=1)``: points and parameters are arrays or traced values, and
broadcast.
"""

from ...core.lazy import publish as _publish
from .continuous import (
    beta as beta,
    cauchy as cauchy,
    chi2 as chi2,
    expon as expon,
    f as f,
    gamma as gamma,
    gennorm as gennorm,
    gumbel_l as gumbel_l,
    gumbel_r as gumbel_r,
    halfcauchy as halfcauchy,
    halfnorm as halfnorm,
    invgamma as invgamma,
    laplace as laplace,
    logistic as logistic,
    lognorm as lognorm,
    norm as norm,
    pareto as pareto,
    rayleigh as rayleigh,
    skewnorm as skewnorm,
    t as t,
    truncnorm as truncnorm,
    uniform as uniform,
    vonmises as vonmises,
    weibull_min as weibull_min,
    wrapcauchy as wrapcauchy,
)
from .discrete import (
    bernoulli as bernoulli,
    betabinom as betabinom,
    binom as binom,
    geom as geom,
    nbinom as nbinom,
    poisson as poisson,
    randint as randint,
)
from .multivariate import (
    dirichlet as dirichlet,
    multinomial as multinomial,
    multivariate_normal as multivariate_normal,
)

_publish(__name__)

"""Random numbers from explicit keys, by JAX's names.

There is no hidden state: samples are a function of the key, so the same key gives the same samples
under every transform. Make one key from a seed, split it where several are needed, and use each
key once. ``philox.py`` and ``threefry.py`` define the generators.

>>> k1, k2 = split(key(0))
>>> normal(k1, (2, 3)).shape, bernoulli(k2)
((2, 3), np.False_)
"""

from ..core.lazy import homes_of as _homes_of, late as _late
from .arguments import RangeError as RangeError
from .choice import categorical as categorical, choice as choice, permutation as permutation
from .discrete import (
    binomial as binomial,
    geometric as geometric,
    multinomial as multinomial,
    poisson as poisson,
    rademacher as rademacher,
)
from .draws import (
    bernoulli as bernoulli,
    bits as bits,
    exponential as exponential,
    gumbel as gumbel,
    normal as normal,
    randint as randint,
    uniform as uniform,
)
from .gammas import (
    beta as beta,
    chisquare as chisquare,
    dirichlet as dirichlet,
    f as f,
    gamma as gamma,
    loggamma as loggamma,
    t as t,
)
from .keys import (
    Key as Key,
    NotAKeyError as NotAKeyError,
    fold_in as fold_in,
    key as key,
    key_data as key_data,
    split as split,
    wrap_key_data as wrap_key_data,
)
from .multivariate import multivariate_normal as multivariate_normal, orthogonal as orthogonal
from .transformed import (
    ball as ball,
    cauchy as cauchy,
    double_sided_maxwell as double_sided_maxwell,
    generalized_normal as generalized_normal,
    laplace as laplace,
    logistic as logistic,
    lognormal as lognormal,
    maxwell as maxwell,
    pareto as pareto,
    rayleigh as rayleigh,
    triangular as triangular,
    wald as wald,
    weibull_min as weibull_min,
)
from .truncated import truncated_normal as truncated_normal

# loaded at first use: they need the compiler
_PARTS = ("bijectors",)
_HOMES = _homes_of({
    "mcmc.diagnostics": "ess rhat",
    "mcmc.problem": "Samples Statistics",
    "mcmc.sampling": "hmc nuts",
})  # fmt: skip

_late(__name__, _PARTS, _HOMES)

"""Special functions under SciPy's names, with derivatives.

Dtypes follow NumPy's ufuncs: float32 gives float32, a scalar a NumPy scalar. Infinity and nan come
without a warning. float64 results are accurate to a few units in the last place over the whole
domain, float32 results to two; most of them are computed in float64.
"""

from ..core.lazy import publish as _publish
from .bessel import i0 as i0, i0e as i0e, i1 as i1, i1e as i1e
from .error_functions import (
    erf as erf,
    erfc as erfc,
    erfcinv as erfcinv,
    erfcx as erfcx,
    erfinv as erfinv,
    log_ndtr as log_ndtr,
    ndtr as ndtr,
    ndtri as ndtri,
)
from .exponentials import log_softmax as log_softmax, logsumexp as logsumexp, softmax as softmax
from .gamma import (
    beta as beta,
    betainc as betainc,
    betaincc as betaincc,
    betaln as betaln,
    digamma as digamma,
    factorial as factorial,
    gamma as gamma,
    gammainc as gammainc,
    gammaincc as gammaincc,
    gammaln as gammaln,
    gammasgn as gammasgn,
    multigammaln as multigammaln,
    poch as poch,
    polygamma as polygamma,
    psi as psi,
    zeta as zeta,
)
from .logarithms import (
    entr as entr,
    expit as expit,
    kl_div as kl_div,
    log_expit as log_expit,
    logit as logit,
    rel_entr as rel_entr,
    xlog1py as xlog1py,
    xlogy as xlogy,
)

_publish(__name__)

"""Bijectors: smooth invertible maps from unconstrained arrays, with log-determinants.

They let samplers and optimizers work on parameters with constraints. ``forward`` maps an
unconstrained array to a constrained one, ``inverse`` back, and ``forward_and_log_det`` also gives
the log of the absolute determinant of the Jacobian, which a log density needs:

>>> import numpy as np
>>> from funcgrad import random
>>> space = JointMap({"mean": Identity(), "scale": Positive()})
>>> def logdensity(unconstrained):
...     x, log_det = space.forward_and_log_det(unconstrained)
...     return -x["mean"] ** 2 / 2 - x["scale"] + log_det
>>> start = space.inverse({"mean": 0.0, "scale": 1.0})
>>> samples = random.nuts(random.key(0), logdensity, start, 100, 100)
>>> draws = space.forward(samples.draws)
>>> print(draws["scale"].shape, draws["scale"].min() > 0)
(4, 100) True
"""

from ...core.lazy import publish as _publish
from .bijector import Bijector as Bijector
from .composed import Chain as Chain, JointMap as JointMap
from .factors import (
    CholeskyOuterProduct as CholeskyOuterProduct,
    CorrelationCholesky as CorrelationCholesky,
    CovarianceCholesky as CovarianceCholesky,
)
from .scalars import (
    Affine as Affine,
    GreaterThan as GreaterThan,
    Identity as Identity,
    Interval as Interval,
    LessThan as LessThan,
    Positive as Positive,
    Softplus as Softplus,
)
from .vectors import Ordered as Ordered, Simplex as Simplex

_publish(__name__)

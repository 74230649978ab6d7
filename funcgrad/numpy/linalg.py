"""The names of ``numpy.linalg``, for arrays and traced values."""

import sys

import numpy as np

from . import decompositions, indexing, norms, products, shapes, solving  # noqa: F401, their rules
from .namespace import fill

fill(sys.modules[__name__], np.linalg)

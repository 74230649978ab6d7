"""The names of ``numpy.emath``, for arrays and traced values."""

import sys

import numpy as np

from . import scimath  # noqa: F401, its rules
from .namespace import fill

fill(sys.modules[__name__], np.emath)

"""The names of ``numpy.fft``, for arrays and traced values."""

import sys

import numpy as np

from .fourier import fftfreq as fftfreq, rfftfreq as rfftfreq
from .namespace import fill

fill(sys.modules[__name__], np.fft)

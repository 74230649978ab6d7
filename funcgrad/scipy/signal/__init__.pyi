# Written by `python -m tests.support.stubs`, not by hand.

from .convolution import (
    convolve as convolve,
    convolve2d as convolve2d,
    correlate as correlate,
    correlate2d as correlate2d,
    detrend as detrend,
    fftconvolve as fftconvolve,
)
from .filtering import (
    filtfilt as filtfilt,
    lfilter as lfilter,
    lfilter_zi as lfilter_zi,
    sosfilt as sosfilt,
)
from .short_time import (
    istft as istft,
    stft as stft,
)
from .spectra import (
    csd as csd,
    get_window as get_window,
    hilbert as hilbert,
    periodogram as periodogram,
    welch as welch,
)

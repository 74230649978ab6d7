"""Convolution, filters and their design, spectra, and waveforms, by SciPy's names."""

from ...core.lazy import homes_of as _homes_of, late as _late

_HOMES = _homes_of({
    "convolution": "convolve convolve2d correlate correlate2d detrend fftconvolve",
    "filtering": "filtfilt lfilter lfilter_zi sosfilt",
    "short_time": "istft stft",
    "spectra": "csd get_window hilbert periodogram welch",
})  # fmt: skip

_late(__name__, (), _HOMES)

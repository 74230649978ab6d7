"""Convolution, filters and their design, spectra, and waveforms, by SciPy's names."""

from ...core.lazy import homes_of as _homes_of, late as _late

_HOMES = _homes_of({
    "convolution": "convolve convolve2d correlate correlate2d detrend fftconvolve",
    "filtering": "deconvolve filtfilt lfilter lfiltic lfilter_zi sosfilt sosfilt_zi sosfiltfilt",
    "frequency_maps": "bilinear bilinear_zpk lp2bp lp2bp_zpk lp2bs lp2bs_zpk lp2hp lp2hp_zpk lp2lp "
                      "lp2lp_zpk",
    "prototypes": "besselap buttap cheb1ap cheb2ap ellipap",
    "recursive_design": "bessel butter cheby1 cheby2 ellip iircomb iirfilter iirnotch iirpeak",
    "representations": "abcd_normalize normalize sos2tf sos2zpk ss2tf ss2zpk tf2sos tf2ss tf2zpk "
                       "zpk2sos zpk2ss zpk2tf",
    "responses": "findfreqs freqs freqs_zpk freqz freqz_sos freqz_zpk group_delay sosfreqz",
    "short_time": "istft stft",
    "spectra": "csd get_window hilbert periodogram welch",
})  # fmt: skip

_late(__name__, (), _HOMES)

"""Convolution, filters and their design, spectra, and waveforms, by SciPy's names."""

from ...core.lazy import homes_of as _homes_of, late as _late

_HOMES = _homes_of({
    "chirp_z": "CZT ZoomFFT czt czt_points zoom_fft",
    "convolution": "convolve convolve2d correlate correlate2d correlation_lags detrend fftconvolve "
                   "oaconvolve",
    "filter_orders": "buttord cheb1ord cheb2ord ellipord iirdesign",
    "filtering": "deconvolve filtfilt lfilter lfiltic lfilter_zi sosfilt sosfilt_zi sosfiltfilt",
    "discretisation": "cont2discrete",
    "envelopes": "envelope hilbert2",
    "finite_design": "firls firwin firwin2 kaiser_atten kaiser_beta kaiserord minimum_phase",
    "frequency_responses": "bode dbode dfreqresp freqresp",
    "frequency_maps": "bilinear bilinear_zpk lp2bp lp2bp_zpk lp2bs lp2bs_zpk lp2hp lp2hp_zpk lp2lp "
                      "lp2lp_zpk",
    "partial_fractions": "invres invresz residue residuez unique_roots",
    "peaks": "argrelextrema argrelmax argrelmin find_peaks peak_prominences peak_widths",
    "periodicity": "coherence lombscargle spectrogram vectorstrength",
    "prototypes": "besselap buttap cheb1ap cheb2ap ellipap",
    "recursive_design": "bessel butter cheby1 cheby2 ellip iircomb iirfilter iirnotch iirpeak",
    "representations": "abcd_normalize normalize sos2tf sos2zpk ss2tf ss2zpk tf2sos tf2ss tf2zpk "
                       "zpk2sos zpk2ss zpk2tf",
    "resampling": "decimate resample resample_poly upfirdn",
    "responses": "findfreqs freqs freqs_zpk freqz freqz_sos freqz_zpk group_delay sosfreqz",
    "short_time": "check_COLA check_NOLA istft stft",
    "smoothing": "medfilt medfilt2d order_filter savgol_coeffs savgol_filter wiener",
    "spectra": "csd hilbert periodogram welch",
    "systems": "StateSpace TransferFunction ZerosPolesGain dlti lti",
    "time_responses": "dimpulse dlsim dstep impulse lsim step",
    "waveforms": "chirp gausspulse sawtooth square sweep_poly unit_impulse",
    "windows.lookup": "get_window",
})  # fmt: skip

_PARTS = ("windows",)

_late(__name__, _PARTS, _HOMES)

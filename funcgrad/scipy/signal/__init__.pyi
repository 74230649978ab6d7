# Written by `python -m tests.support.stubs`, not by hand.

from . import (
    windows as windows,
)
from .chirp_z import (
    CZT as CZT,
    ZoomFFT as ZoomFFT,
    czt as czt,
    czt_points as czt_points,
    zoom_fft as zoom_fft,
)
from .convolution import (
    convolve as convolve,
    convolve2d as convolve2d,
    correlate as correlate,
    correlate2d as correlate2d,
    correlation_lags as correlation_lags,
    detrend as detrend,
    fftconvolve as fftconvolve,
    oaconvolve as oaconvolve,
)
from .discretisation import (
    cont2discrete as cont2discrete,
)
from .envelopes import (
    envelope as envelope,
    hilbert2 as hilbert2,
)
from .filter_orders import (
    buttord as buttord,
    cheb1ord as cheb1ord,
    cheb2ord as cheb2ord,
    ellipord as ellipord,
    iirdesign as iirdesign,
)
from .filtering import (
    deconvolve as deconvolve,
    filtfilt as filtfilt,
    lfilter as lfilter,
    lfilter_zi as lfilter_zi,
    lfiltic as lfiltic,
    sosfilt as sosfilt,
    sosfilt_zi as sosfilt_zi,
    sosfiltfilt as sosfiltfilt,
)
from .finite_design import (
    firls as firls,
    firwin as firwin,
    firwin2 as firwin2,
    kaiser_atten as kaiser_atten,
    kaiser_beta as kaiser_beta,
    kaiserord as kaiserord,
    minimum_phase as minimum_phase,
)
from .frequency_maps import (
    bilinear as bilinear,
    bilinear_zpk as bilinear_zpk,
    lp2bp as lp2bp,
    lp2bp_zpk as lp2bp_zpk,
    lp2bs as lp2bs,
    lp2bs_zpk as lp2bs_zpk,
    lp2hp as lp2hp,
    lp2hp_zpk as lp2hp_zpk,
    lp2lp as lp2lp,
    lp2lp_zpk as lp2lp_zpk,
)
from .frequency_responses import (
    bode as bode,
    dbode as dbode,
    dfreqresp as dfreqresp,
    freqresp as freqresp,
)
from .partial_fractions import (
    invres as invres,
    invresz as invresz,
    residue as residue,
    residuez as residuez,
    unique_roots as unique_roots,
)
from .peaks import (
    argrelextrema as argrelextrema,
    argrelmax as argrelmax,
    argrelmin as argrelmin,
    find_peaks as find_peaks,
    peak_prominences as peak_prominences,
    peak_widths as peak_widths,
)
from .periodicity import (
    coherence as coherence,
    lombscargle as lombscargle,
    spectrogram as spectrogram,
    vectorstrength as vectorstrength,
)
from .prototypes import (
    besselap as besselap,
    buttap as buttap,
    cheb1ap as cheb1ap,
    cheb2ap as cheb2ap,
    ellipap as ellipap,
)
from .recursive_design import (
    bessel as bessel,
    butter as butter,
    cheby1 as cheby1,
    cheby2 as cheby2,
    ellip as ellip,
    iircomb as iircomb,
    iirfilter as iirfilter,
    iirnotch as iirnotch,
    iirpeak as iirpeak,
)
from .representations import (
    abcd_normalize as abcd_normalize,
    normalize as normalize,
    sos2tf as sos2tf,
    sos2zpk as sos2zpk,
    ss2tf as ss2tf,
    ss2zpk as ss2zpk,
    tf2sos as tf2sos,
    tf2ss as tf2ss,
    tf2zpk as tf2zpk,
    zpk2sos as zpk2sos,
    zpk2ss as zpk2ss,
    zpk2tf as zpk2tf,
)
from .resampling import (
    decimate as decimate,
    resample as resample,
    resample_poly as resample_poly,
    upfirdn as upfirdn,
)
from .responses import (
    findfreqs as findfreqs,
    freqs as freqs,
    freqs_zpk as freqs_zpk,
    freqz as freqz,
    freqz_sos as freqz_sos,
    freqz_zpk as freqz_zpk,
    group_delay as group_delay,
    sosfreqz as sosfreqz,
)
from .short_time import (
    check_COLA as check_COLA,
    check_NOLA as check_NOLA,
    istft as istft,
    stft as stft,
)
from .smoothing import (
    medfilt as medfilt,
    medfilt2d as medfilt2d,
    order_filter as order_filter,
    savgol_coeffs as savgol_coeffs,
    savgol_filter as savgol_filter,
    wiener as wiener,
)
from .spectra import (
    csd as csd,
    hilbert as hilbert,
    periodogram as periodogram,
    welch as welch,
)
from .systems import (
    StateSpace as StateSpace,
    TransferFunction as TransferFunction,
    ZerosPolesGain as ZerosPolesGain,
    dlti as dlti,
    lti as lti,
)
from .time_responses import (
    dimpulse as dimpulse,
    dlsim as dlsim,
    dstep as dstep,
    impulse as impulse,
    lsim as lsim,
    step as step,
)
from .waveforms import (
    chirp as chirp,
    gausspulse as gausspulse,
    sawtooth as sawtooth,
    square as square,
    sweep_poly as sweep_poly,
    unit_impulse as unit_impulse,
)
from .windows.lookup import (
    get_window as get_window,
)

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
    deconvolve as deconvolve,
    filtfilt as filtfilt,
    lfilter as lfilter,
    lfilter_zi as lfilter_zi,
    lfiltic as lfiltic,
    sosfilt as sosfilt,
    sosfilt_zi as sosfilt_zi,
    sosfiltfilt as sosfiltfilt,
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

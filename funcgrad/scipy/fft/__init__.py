"""Fourier, cosine and sine transforms under SciPy's names."""

from ...core.lazy import publish as _publish
from .hermitian import (
    hfft2 as hfft2,
    hfftn as hfftn,
    ihfft2 as ihfft2,
    ihfftn as ihfftn,
    prev_fast_len as prev_fast_len,
)
from .logarithmic import fht as fht, fhtoffset as fhtoffset, ifht as ifht
from .spectral_transforms import (
    dct as dct,
    dctn as dctn,
    dst as dst,
    dstn as dstn,
    fft as fft,
    fft2 as fft2,
    fftfreq as fftfreq,
    fftn as fftn,
    fftshift as fftshift,
    hfft as hfft,
    idct as idct,
    idctn as idctn,
    idst as idst,
    idstn as idstn,
    ifft as ifft,
    ifft2 as ifft2,
    ifftn as ifftn,
    ifftshift as ifftshift,
    ihfft as ihfft,
    irfft as irfft,
    irfft2 as irfft2,
    irfftn as irfftn,
    next_fast_len as next_fast_len,
    rfft as rfft,
    rfft2 as rfft2,
    rfftfreq as rfftfreq,
    rfftn as rfftn,
)

_publish(__name__)

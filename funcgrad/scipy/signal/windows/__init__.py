"""Windows, differentiable in their parameters, by SciPy's names.

Each takes M, the number of points, and ``sym``: whether the window is symmetric, for the design of
filters, or periodic, for spectra.

Source: Harris 1978, "On the use of windows for harmonic analysis with the discrete Fourier
transform" (Proc. IEEE 66).
"""

from ....core.lazy import publish as _publish
from .lookup import get_window as get_window
from .parametric import (
    chebwin as chebwin,
    dpss as dpss,
    exponential as exponential,
    gaussian as gaussian,
    general_gaussian as general_gaussian,
    kaiser as kaiser,
    kaiser_bessel_derived as kaiser_bessel_derived,
    taylor as taylor,
    tukey as tukey,
)
from .plain import (
    barthann as barthann,
    bartlett as bartlett,
    blackman as blackman,
    blackmanharris as blackmanharris,
    bohman as bohman,
    boxcar as boxcar,
    cosine as cosine,
    flattop as flattop,
    general_cosine as general_cosine,
    general_hamming as general_hamming,
    hamming as hamming,
    hann as hann,
    lanczos as lanczos,
    nuttall as nuttall,
    parzen as parzen,
    triang as triang,
)

_publish(__name__)

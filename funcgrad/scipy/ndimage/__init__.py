"""Filters and interpolation of images under SciPy's names."""

from ...core.lazy import publish as _publish
from .filters import (
    convolve as convolve,
    convolve1d as convolve1d,
    correlate as correlate,
    correlate1d as correlate1d,
    gaussian_filter as gaussian_filter,
    gaussian_filter1d as gaussian_filter1d,
    laplace as laplace,
    prewitt as prewitt,
    sobel as sobel,
    uniform_filter as uniform_filter,
    uniform_filter1d as uniform_filter1d,
)
from .resampling import (
    affine_transform as affine_transform,
    map_coordinates as map_coordinates,
    shift as shift,
    spline_filter as spline_filter,
    zoom as zoom,
)

_publish(__name__)

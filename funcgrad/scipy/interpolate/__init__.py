"""Interpolation under SciPy's names, differentiable in places, values and knots."""

from ...core.lazy import publish as _publish
from .bsplines import BSpline as BSpline, make_interp_spline as make_interp_spline
from .grids import RegularGridInterpolator as RegularGridInterpolator, interpn as interpn
from .legacy import interp1d as interp1d
from .local_slopes import (
    Akima1DInterpolator as Akima1DInterpolator,
    PchipInterpolator as PchipInterpolator,
    pchip_interpolate as pchip_interpolate,
)
from .piecewise import (
    CubicHermiteSpline as CubicHermiteSpline,
    CubicSpline as CubicSpline,
    PPoly as PPoly,
)

_publish(__name__)

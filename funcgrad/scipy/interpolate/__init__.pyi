# Written by `python -m tests.support.stubs`, not by hand.

from .bsplines import (
    BSpline as BSpline,
    make_interp_spline as make_interp_spline,
)
from .fitpack import (
    insert as insert,
    make_lsq_spline as make_lsq_spline,
    spalde as spalde,
    splantider as splantider,
    splder as splder,
    splev as splev,
    splint as splint,
    splrep as splrep,
    sproot as sproot,
)
from .grids import (
    RegularGridInterpolator as RegularGridInterpolator,
    interpn as interpn,
)
from .legacy import (
    interp1d as interp1d,
)
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
from .point_polynomials import (
    BarycentricInterpolator as BarycentricInterpolator,
    KroghInterpolator as KroghInterpolator,
    approximate_taylor_polynomial as approximate_taylor_polynomial,
    barycentric_interpolate as barycentric_interpolate,
    krogh_interpolate as krogh_interpolate,
    lagrange as lagrange,
    pade as pade,
)
from .scattered import (
    LinearNDInterpolator as LinearNDInterpolator,
    NearestNDInterpolator as NearestNDInterpolator,
    RBFInterpolator as RBFInterpolator,
    griddata as griddata,
)
from .surfaces import (
    NdBSpline as NdBSpline,
    NdPPoly as NdPPoly,
    RectBivariateSpline as RectBivariateSpline,
    bisplev as bisplev,
)

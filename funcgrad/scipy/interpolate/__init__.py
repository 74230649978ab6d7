"""Interpolation under SciPy's names, differentiable in places, values and knots."""

from ...core.lazy import homes_of as _homes_of, late as _late

_HOMES = _homes_of({
    "bsplines": "BSpline make_interp_spline",
    "fitpack": "insert make_lsq_spline spalde splantider splder splev splint splrep sproot",
    "grids": "RegularGridInterpolator interpn",
    "legacy": "interp1d",
    "local_slopes": "Akima1DInterpolator PchipInterpolator pchip_interpolate",
    "piecewise": "CubicHermiteSpline CubicSpline PPoly",
    "point_polynomials": "BarycentricInterpolator KroghInterpolator approximate_taylor_polynomial "
                   "barycentric_interpolate krogh_interpolate lagrange pade",
    "scattered": "LinearNDInterpolator NearestNDInterpolator RBFInterpolator griddata",
    "surfaces": "NdBSpline NdPPoly RectBivariateSpline bisplev",
})  # fmt: skip

_late(__name__, (), _HOMES)

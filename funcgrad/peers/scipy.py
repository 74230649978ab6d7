"""Names of SciPy, and functions of math and NumPy that take no traced values."""

SCIPY = """
scipy.interpolate.UnivariateSpline fg.scipy.interpolate.make_interp_spline
scipy.interpolate.InterpolatedUnivariateSpline fg.scipy.interpolate.make_interp_spline
scipy.interpolate.interp2d fg.scipy.interpolate.RegularGridInterpolator
scipy.optimize.differential_evolution fg.scipy.optimize.minimize  minimize(f, x0), from several x0
scipy.optimize.dual_annealing fg.scipy.optimize.minimize  minimize(f, x0), from several x0
scipy.optimize.basinhopping fg.scipy.optimize.minimize  minimize(f, x0), from several x0
scipy.optimize.shgo fg.scipy.optimize.minimize  minimize(f, x0), from several x0
scipy.optimize.brute fg.scipy.optimize.minimize  minimize(f, x0), from several x0
scipy.integrate.RK23 fg.scipy.integrate.solve_ivp  solve_ivp(method="RK23")
scipy.integrate.RK45 fg.scipy.integrate.solve_ivp  solve_ivp(method="RK45")
scipy.integrate.DOP853 fg.scipy.integrate.solve_ivp  solve_ivp(method="DOP853")
scipy.integrate.Radau fg.scipy.integrate.solve_ivp  solve_ivp(method="Radau")
scipy.integrate.BDF fg.scipy.integrate.solve_ivp  solve_ivp(method="BDF")
scipy.integrate.LSODA fg.scipy.integrate.solve_ivp  solve_ivp(method="BDF")
scipy.integrate.ode fg.scipy.integrate.solve_ivp
scipy.interpolate.interp1d np.interp
scipy.interpolate.make_smoothing_spline fg.scipy.interpolate.make_interp_spline
scipy.optimize.brenth fg.scipy.optimize.brentq
scipy.optimize.ridder fg.scipy.optimize.brentq
scipy.optimize.toms748 fg.scipy.optimize.brentq
scipy.optimize.fixed_point fg.lax.fixed_point
scipy.optimize.fmin fg.scipy.optimize.minimize
scipy.optimize.fmin_bfgs fg.scipy.optimize.minimize
scipy.optimize.fmin_l_bfgs_b fg.scipy.optimize.minimize
scipy.optimize.approx_fprime fg.grad
scipy.optimize.check_grad fg.check_grads
scipy.sparse.linalg.minres fg.scipy.sparse.linalg.cg
scipy.sparse.linalg.bicg fg.scipy.sparse.linalg.bicgstab
scipy.sparse.linalg.splu fg.scipy.sparse.linalg.spsolve
scipy.sparse.linalg.lgmres fg.scipy.sparse.linalg.gmres
scipy.sparse.bsr_array fg.sparse.csr
scipy.sparse.coo_array fg.sparse.csr
scipy.sparse.csc_array fg.sparse.csr
scipy.sparse.csr_array fg.sparse.csr
scipy.sparse.dia_array fg.sparse.csr
scipy.sparse.dok_array fg.sparse.csr
scipy.sparse.lil_array fg.sparse.csr
scipy.sparse.bsr_matrix fg.sparse.csr
scipy.sparse.coo_matrix fg.sparse.csr
scipy.sparse.csc_matrix fg.sparse.csr
scipy.sparse.csr_matrix fg.sparse.csr
scipy.sparse.dia_matrix fg.sparse.csr
scipy.sparse.dok_matrix fg.sparse.csr
scipy.sparse.lil_matrix fg.sparse.csr
scipy.spatial.distance.cdist np.linalg.norm  norm(x[:, None] - y[None], axis=-1)
scipy.spatial.distance.pdist np.linalg.norm  norm(x[:, None] - x[None], axis=-1)
scipy.spatial.distance.euclidean np.linalg.norm  norm(x - y)
scipy.spatial.distance_matrix np.linalg.norm  norm(x[:, None] - y[None], axis=-1)
numpy.float np.float64  float, Python's own
numpy.int np.int64  int, Python's own
numpy.vectorize fg.numpy.vectorize
numpy.matrix np.matmul  an array with two axes, and x @ y
math.acos np.arccos
math.acosh np.arccosh
math.asin np.arcsin
math.asinh np.arcsinh
math.atan np.arctan
math.atan2 np.arctan2
math.atanh np.arctanh
math.cbrt np.cbrt
math.ceil np.ceil
math.copysign np.copysign
math.cos np.cos
math.cosh np.cosh
math.degrees np.degrees
math.dist np.linalg.norm  norm(x - y)
math.erf fg.special.erf
math.erfc fg.special.erfc
math.exp np.exp
math.exp2 np.exp2
math.expm1 np.expm1
math.fabs np.fabs
math.factorial fg.special.factorial
math.floor np.floor
math.fmod np.fmod
math.frexp np.frexp
math.fsum np.sum
math.gamma fg.special.gamma
math.hypot np.hypot
math.isclose np.isclose
math.isfinite np.isfinite
math.isinf np.isinf
math.isnan np.isnan
math.ldexp np.ldexp
math.lgamma fg.special.gammaln
math.log np.log
math.log10 np.log10
math.log1p np.log1p
math.log2 np.log2
math.modf np.modf
math.nextafter np.nextafter
math.pow np.power  x**y
math.radians np.radians
math.remainder np.remainder  x - y * numpy.rint(x / y)
math.sin np.sin
math.sinh np.sinh
math.sqrt np.sqrt
math.sumprod np.dot
math.tan np.tan
math.tanh np.tanh
math.trunc np.trunc
math.ulp np.spacing
cmath.acos np.arccos
cmath.acosh np.arccosh
cmath.asin np.arcsin
cmath.asinh np.arcsinh
cmath.atan np.arctan
cmath.atanh np.arctanh
cmath.cos np.cos
cmath.cosh np.cosh
cmath.exp np.exp
cmath.isclose np.isclose
cmath.isfinite np.isfinite
cmath.isinf np.isinf
cmath.isnan np.isnan
cmath.log np.log
cmath.log10 np.log10
cmath.phase np.angle
cmath.polar np.angle  (numpy.abs(z), angle(z))
cmath.rect np.exp  r * exp(1j * phase)
cmath.sin np.sin
cmath.sinh np.sinh
cmath.sqrt np.emath.sqrt
cmath.tan np.tan
cmath.tanh np.tanh
"""

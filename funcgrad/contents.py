"""The module of each primitive and of each rule, which is loaded at first use.

A test compares the tables with the modules. ``core/registry.py`` reads them.
"""

# fmt: off
# module -> names of the primitives that it defines
PRIMITIVES = {
    "c.kernel": "c_kernel",
    "compile.elements": "elements",
    "compile.fusion": "blocks overlapping_blocks",
    "compile.finite_checks": "check after",
    "compile.mask_marks": "live resume seed settle start",
    "compile.planes": "swapped",
    "compile.weighted": "weighted unpadded",
    "compile.wrapping": "wrapped",
    "control.checkpointed": "checkpointed_scan",
    "control.checkpointed_while": "checkpointed_while",
    "control.cond": "cond",
    "control.while_loop": "while",
    "control.while_reversal": "while_reversal",
    "control.reversal": "reversal",
    "control.scan": "scan",
    "control.solve": "linear_solve",
    "control.sweep": "sweep",
    "ops.activations": "relu",
    "ops.assign": "add_at max_at min_at set_at last_writer",
    "ops.bessel": "i0 i1 i0e i1e bessel_moment bessel_ratio",
    "ops.beta": "beta beta_slope betaln polygamma_difference",
    "ops.bits": "mask32 mask64 keep blend",
    "ops.choice": "gate hide wins maximum minimum fmax fmin where clip heaviside",
    "ops.collective": "psum pmax pmin all_gather psum_scatter all_to_all ppermute",
    "ops.compare":
        "eq ne lt le gt ge logical_and logical_or logical_xor logical_not isfinite isinf isnan "
        "signbit floor ceil trunc rint spacing floor_divide bitwise_and bitwise_or bitwise_xor "
        "left_shift right_shift invert bitwise_count gcd lcm exponent",
    "ops.constant": "constant absent",
    "ops.contract": "matmul einsum vecdot",
    "ops.convert": "convert truncate",
    "ops.convolve": "conv_general_dilated conv_kernel",
    "ops.elementwise":
        "add sub mul div pow mod neg pos abs float_power fmod fabs square reciprocal sqrt root "
        "cbrt quotient exp exp2 expm1 log log2 log10 log1p logaddexp logaddexp2 sin cos tan "
        "arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh sinc deg2rad radians "
        "rad2deg degrees arctan2 hypot conj real imag sign copysign fraction ldexp nextafter "
        "power_log power_slope share share2 gap cos_of_arcsin sinc_derivative cosine "
        "tailed_tanh sech_square",
    "ops.fft": "fft rfft irfft",
    "ops.gamma": "gamma gammaln gammasgn digamma polygamma zeta",
    "ops.incomplete": "gammainc gammaincc gammainc_slope gamma_density",
    "ops.incomplete_beta": "betainc betaincc betainc_slope beta_density",
    "ops.index": "getitem scatter_add concatenate",
    "ops.linalg.cholesky": "cholesky",
    "ops.linalg.degenerate": "equal_values inverse_of_values near_values taint undefined",
    "ops.linalg.determinant": "det cofactor slogdet inverse_of_regular",
    "ops.linalg.eig":
        "eig eig_of_rules eigvals slopes_of_general_eigenvalues inverse_of_eigenvectors",
    "ops.linalg.eigh": "eigh eigh_of_rules fixed_eigh spectral_gradient eigvalsh",
    "ops.linalg.expm": "expm_squarings",
    "ops.linalg.general_function": "general_function sylvester schur real_schur hessenberg",
    "ops.linalg.inverse": "inv inverse_if_any solve pinv lstsq",
    "ops.linalg.ldl": "ldl",
    "ops.linalg.lu": "lu permutation_of_pivots",
    "ops.linalg.matrix_function": "matrix_function hermitian_part",
    "ops.linalg.pivots": "column_pivots",
    "ops.linalg.qr": "qr inverse_of_qr_factor",
    "ops.linalg.root": "lyapunov sqrtm polar singular_matrices",
    "ops.linalg.singular": "negligible_values slopes_of_singular_values turned_singular",
    "ops.linalg.spectral": "slopes_of_eigenvalues turned_diagonal",
    "ops.linalg.svd": "svd svd_of_rules fixed_svd singular_gradient svdvals",
    "ops.linalg.triangular": "solve_triangular",
    "ops.linalg.banded": "solve_banded cholesky_banded",
    "ops.logarithms": "sigmoid tailed_sigmoid logit xlogy xlog1py entr rel_entr kl_div",
    "ops.losses":
        "binary_cross_entropy_slope clamped_log binary_cross_entropy "
        "sigmoid_binary_cross_entropy log_cosh",
    "ops.normal": "hazard_in_tail erfcx erfcx_integral ndtr log_ndtr ndtri",
    "ops.operand": "weaken",
    "ops.pooling":
        "window_argmax window_argmin window_max window_min window_sum window_pick window_place",
    "ops.reduce":
        "max min norm prod cumprod any all count_nonzero argmax argmin nanargmax nanargmin "
        "argsort argpartition",
    "ops.running_extrema": "argcummax argcummin",
    "ops.search": "searchsorted",
    "ops.special": "erf erfc erfinv erfcinv",
    "ops.structure": "broadcast sum mean cumsum reshape transpose",
    "ops.transcendental.airy": "airy",
    "ops.transcendental.bessel_orders": "jv yv ive kve",
    "ops.transcendental.elliptic":
        "ellipkm1 ellipe elliprf elliprd elliprj ellipkinc ellipeinc amplitude",
    "ops.transcendental.exponential_integrals":
        "expn expi sine_integral cosine_integral fresnel_s fresnel_c spence",
    "ops.transcendental.faddeeva": "faddeeva complex_erf complex_erfc",
    "ops.transcendental.gamma_functions": "rgamma riemann_zeta complex_polygamma",
    "ops.transcendental.hypergeometric": "hyp0f1 hyp1f1 hyp1f1_slope hyp2f1 hyp2f1_slope",
    "ops.transcendental.inverses":
        "gammaincinv gammainccinv betaincinv betainccinv lambertw owens_t",
    "ops.transcendental.kelvin": "kelvin_first kelvin_second",
    "ops.transcendental.struve": "struve modstruve",
    "ops.unit": "unit",
    "random.choice": "random_order random_search",
    "random.discrete": "random_poisson random_binomial random_geometric",
    "random.draws": "random_remainder",
    "random.gammas": "random_gamma",
    "random.primitives":
        "random_seed random_split random_fold_in random_bits random_uniform random_normal",
    "random.tails":
        "random_exponential random_gumbel random_laplace random_logistic random_cauchy "
        "random_below",
    "random.transformed": "random_wald",
    "sparse.bilinear": "sparse_product sparse_sample",
    "transforms.jit.primitive": "jit_in_c jit jit_by_cost jit_by_jax checked_jit",
    "transforms.checkpoint": "checkpoint name",
    "ops.stop_gradient": "stop_gradient",
    "ops.callback": "debug_callback debug_cotangent_callback",
    "transforms.custom.primitives": "custom_jvp custom_vjp custom_batch",
}

# module -> NumPy functions and ufuncs that it has rules for, without the prefix numpy.
FUNCTIONS = {
    "numpy.array_api": "namespace",
    "numpy.bits": "packbits unpackbits",
    "numpy.contractions": "einsum einsum_path",
    "numpy.correlation": "convolve correlate cov corrcoef",
    "numpy.creation":
        "array asarray asanyarray ascontiguousarray full zeros ones empty eye identity arange "
        "tri zeros_like ones_like empty_like full_like",
    "numpy.cumulative": "cumsum cumprod cumulative_sum cumulative_prod",
    "numpy.decompositions":
        "linalg.cholesky linalg.qr linalg.svd linalg.svdvals linalg.eigh linalg.eigvalsh "
        "linalg.eig linalg.eigvals",
    "numpy.differences": "diff ediff1d gradient trapezoid unwrap",
    "numpy.dispatch": "with_out",
    "numpy.dtypes": "result_type can_cast common_type copy astype min_scalar_type",
    "numpy.fourier":
        "fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft fft.fftn fft.ifftn fft.rfftn "
        "fft.irfftn fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2 fft.fftshift fft.ifftshift",
    "numpy.functional": "apply_along_axis apply_over_axes piecewise",
    "numpy.histograms": "histogram_bin_edges histogram histogramdd histogram2d bincount",
    "numpy.assignment": "_operator.setitem in_place is_scalar store",
    "numpy.in_place":
        "copyto put put_along_axis place putmask fill_diagonal ufunc_at elements set_elements",
    "numpy.index_tricks": "tril_indices_from triu_indices_from diag_indices_from ix_",
    "numpy.masked": "masked",
    "numpy.indexing":
        "_operator.getitem take take_along_axis lib.stride_tricks.sliding_window_view compress "
        "extract diagonal linalg.diagonal trace linalg.trace diag diagflat tril triu",
    "numpy.interpolation": "interp",
    "numpy.joining":
        "concatenate stack vstack hstack dstack column_stack append block array_split split "
        "hsplit vsplit dsplit unstack",
    "numpy.logic":
        "iscomplexobj isrealobj iscomplex isreal isposinf isneginf isclose allclose array_equal "
        "array_equiv",
    "numpy.manipulation":
        "repeat tile flip flipud fliplr rot90 roll resize trim_zeros delete insert",
    "numpy.norms":
        "linalg.det linalg.slogdet linalg.matrix_rank linalg.cond linalg.norm "
        "linalg.vector_norm linalg.matrix_norm",
    "numpy.memory_orders": "require",
    "numpy.padding": "pad",
    "numpy.polynomials":
        "polyval polyadd polysub polymul polyder polyint polydiv roots poly polyfit vander",
    "numpy.products":
        "linalg.matrix_power linalg.multi_dot linalg.matmul vecdot linalg.vecdot matvec vecmat "
        "dot vdot inner outer linalg.outer tensordot linalg.tensordot kron cross linalg.cross",
    "numpy.properties":
        "shape ndim size array_repr array_str array2string shares_memory may_share_memory",
    "numpy.quantiles": "median nanmedian quantile percentile nanquantile nanpercentile",
    "numpy.ranges": "linspace logspace geomspace meshgrid",
    "numpy.reductions":
        "sum prod max amax min amin ptp any all count_nonzero argmax argmin nanargmax nanargmin",
    "numpy.refusals":
        "save savetxt savez savez_compressed busday_count busday_offset is_busday "
        "datetime_as_string isnat fromfile fromstring fromiter frombuffer fromfunction loadtxt "
        "genfromtxt",
    "numpy.scimath":
        "lib.scimath.log lib.scimath.sqrt lib.scimath.log2 lib.scimath.log10 lib.scimath.arccos "
        "lib.scimath.arcsin lib.scimath.arctanh lib.scimath.logn lib.scimath.power "
        "real_if_close",
    "numpy.searching":
        "argwhere flatnonzero searchsorted digitize lexsort unravel_index ravel_multi_index "
        "nonzero",
    "numpy.selection": "where select choose",
    "numpy.sets":
        "unique unique_all unique_counts unique_inverse unique_values union1d intersect1d "
        "setdiff1d setxor1d isin",
    "numpy.shapes":
        "reshape ravel transpose matrix_transpose linalg.matrix_transpose swapaxes moveaxis "
        "rollaxis expand_dims squeeze broadcast_to broadcast_arrays atleast_1d atleast_2d "
        "atleast_3d",
    "numpy.solving":
        "linalg.inv linalg.solve linalg.lstsq linalg.pinv linalg.tensorsolve linalg.tensorinv",
    "numpy.sorting": "sort argsort argpartition partition sort_complex",
    "numpy.statistics":
        "mean var std average nansum nanprod nanmax nanmin nanmean nanvar nanstd nancumsum "
        "nancumprod",
    "numpy.ufunc_methods": "ufunc",
    "numpy.ufuncs":
        "sign divmod modf frexp real imag angle sinc i0 clip round around fix nan_to_num",
    "ops.choice": "maximum minimum fmax fmin heaviside",
    "ops.compare":
        "equal not_equal less less_equal greater greater_equal logical_and logical_or "
        "logical_xor logical_not isfinite isinf isnan signbit floor ceil trunc rint spacing "
        "floor_divide bitwise_and bitwise_or bitwise_xor left_shift right_shift invert "
        "bitwise_count gcd lcm",
    "ops.contract": "matmul",
    "ops.elementwise":
        "add subtract multiply divide power remainder negative positive absolute float_power "
        "fmod fabs square reciprocal sqrt cbrt exp exp2 expm1 log log2 log10 log1p logaddexp "
        "logaddexp2 sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh "
        "deg2rad radians rad2deg degrees arctan2 hypot conjugate copysign ldexp nextafter",
    "ops.operand": "operand",
    "core.branches": "diverted",
    "transforms.joint": "process_joint",
    "transforms.tape_writes": "read_again tape_writer",
    "transforms.transposition": "vjp_by_transposition",
}
# fmt: on

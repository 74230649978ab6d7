"""The elementary primitives, which an engine implements itself: all others decompose into them.

``Primitive.decompose`` writes a primitive in simpler ones, which may decompose again.
``transforms/decomposition.py`` decomposes programs until these are left. An engine may implement
more primitives itself: ``erfc``, for example. A decomposition gives values only: it has no masks,
gives no warnings, and raises no error that depends on values.

Take derivatives before decomposing: a decomposition may have other derivatives where those of the
primitive are a convention (ties, ``hide``, draws by rejection), and it drops custom rules.
"""

_GROUPS = {
    # elementwise, with broadcasting
    "arithmetic": "add sub mul div mod fmod floor_divide pow neg pos abs sign sqrt cbrt hypot",
    "exponentials": "exp exp2 expm1 log log2 log10 log1p",
    "angles": "sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh",
    "rounding": "floor ceil trunc rint",
    "complex numbers": "real imag conj",
    "comparisons": "eq ne lt le gt ge isfinite isinf isnan signbit",
    "choice": "where maximum minimum",
    "logic": "logical_and logical_or logical_xor logical_not",
    "bits": "bitwise_and bitwise_or bitwise_xor invert left_shift right_shift bitwise_count",
    "parts of a floating-point number": "copysign nextafter spacing exponent ldexp",
    "integers": "gcd lcm",
    # of arrays; ``weaken`` gives a Python scalar: a cast, in an engine with weak types
    "casts": "convert truncate weaken",
    "structure": "constant broadcast reshape transpose concatenate getitem stop_gradient",
    "writing": "set_at add_at max_at min_at",
    "reductions": "sum prod max min any all cumsum argmax argmin argsort",
    "contraction": "matmul conv_general_dilated",
    "linear algebra": "cholesky lu qr eigh eig svd solve_triangular",
    "Fourier transforms": "fft rfft irfft",
    "random numbers": "random_bits random_split random_fold_in",
    "control flow": "scan cond while",
    "named axes": "psum pmax pmin all_gather psum_scatter all_to_all ppermute",
}

# primitives without a decomposition, which an engine implements
ELEMENTARY = frozenset(name for names in _GROUPS.values() for name in names.split())

_SIZES = "the sizes of its blocks of equal values are known only at run time"

# primitive -> the reason why it is neither elementary nor has a decomposition
# fmt: off
REFUSED = {
    "linear_solve": "its solver is a function that the user gives",
    "matrix_function": "its function and the derivatives of it take NumPy arrays",
    "general_function": "its function and the derivatives of it take NumPy arrays",
    "real_schur": "its blocks of one or two rows are known only at run time",
    "argpartition": "the order within its parts is defined by NumPy's algorithm",
    "c_kernel": "it is a function in C",
    "debug_callback": "it calls a Python function",
    "check": "it raises where values are not finite",
    "slopes_of_general_eigenvalues": _SIZES,
    "slopes_of_singular_values": _SIZES,
    "turned_singular": _SIZES,
}
# fmt: on

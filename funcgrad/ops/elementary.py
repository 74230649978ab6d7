"""The elementary primitives, which an engine writes itself: the others decompose into them.

``Primitive.decompose`` says how a primitive is made of simpler ones, which may decompose again, to
the end in these; ``transforms/decomposition.py`` does it to programs. An engine may have rows for
more: for ``erfc``, say, where its library has one. A decomposition is of values: it knows nothing
of masks, warns of nothing, and raises nothing that depends on values.
"""

_GROUPS = {
    # of each element, broadcasting as NumPy does
    "arithmetic": "add sub mul div mod fmod floor_divide pow neg pos abs sign sqrt cbrt hypot",
    "exponentials": "exp exp2 expm1 log log2 log10 log1p",
    "angles": "sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh",
    "rounding": "floor ceil trunc rint",
    "complex numbers": "real imag conj",
    "comparisons": "eq ne lt le gt ge isfinite isinf isnan signbit",
    "choice": "where maximum minimum",
    "logic": "logical_and logical_or logical_xor logical_not",
    "bits": "bitwise_and bitwise_or bitwise_xor invert left_shift right_shift bitwise_count",
    "the parts of a floating number": "copysign nextafter spacing exponent ldexp",
    "whole numbers": "gcd lcm",
    # of whole arrays; ``weaken`` makes a Python scalar, a cast where an engine knows weak types
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

# the names of the primitives that have no decomposition because an engine writes them
ELEMENTARY = frozenset(name for names in _GROUPS.values() for name in names.split())

_SIZES = "its blocks of equal values have sizes that only a run knows"

# primitives that are neither elementary nor decompose -> why
REFUSED = {
    "linear_solve": "its solver is a function of the user's",
    "matrix_function": "its function is one of NumPy arrays, with its derivatives",
    "argpartition": "the order within its parts is NumPy's own",
    "slopes_of_general_eigenvalues": _SIZES,
    "slopes_of_singular_values": _SIZES,
    "turned_singular": _SIZES,
}

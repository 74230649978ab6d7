"""Elementwise functions without a derivative: comparisons, logic, rounding, bits.

The derivative of ``floor`` and other rounding is 0 where it exists; the others give booleans or
integers. In forward and reverse mode their results are plain values, so that ``if x > 0`` tests
a NumPy boolean.
"""

import numpy as np

from .families import NonDifferentiable, NonDifferentiableArithmetic

# fmt: off
eq            = NonDifferentiableArithmetic("eq", np.equal)
ne            = NonDifferentiableArithmetic("ne", np.not_equal)
lt            = NonDifferentiableArithmetic("lt", np.less)
le            = NonDifferentiableArithmetic("le", np.less_equal)
gt            = NonDifferentiableArithmetic("gt", np.greater)
ge            = NonDifferentiableArithmetic("ge", np.greater_equal)
logical_and   = NonDifferentiable("logical_and", np.logical_and)
logical_or    = NonDifferentiable("logical_or", np.logical_or)
logical_xor   = NonDifferentiable("logical_xor", np.logical_xor)
logical_not   = NonDifferentiable("logical_not", np.logical_not)
isfinite      = NonDifferentiable("isfinite", np.isfinite)
isinf         = NonDifferentiable("isinf", np.isinf)
isnan         = NonDifferentiable("isnan", np.isnan)
signbit       = NonDifferentiable("signbit", np.signbit)
floor         = NonDifferentiable("floor", np.floor)
ceil          = NonDifferentiable("ceil", np.ceil)
trunc         = NonDifferentiable("trunc", np.trunc)
rint          = NonDifferentiable("rint", np.rint)
spacing       = NonDifferentiable("spacing", np.spacing)
floor_divide  = NonDifferentiableArithmetic("floor_divide", np.floor_divide)
bitwise_and   = NonDifferentiableArithmetic("bitwise_and", np.bitwise_and)
bitwise_or    = NonDifferentiableArithmetic("bitwise_or", np.bitwise_or)
bitwise_xor   = NonDifferentiableArithmetic("bitwise_xor", np.bitwise_xor)
left_shift    = NonDifferentiableArithmetic("left_shift", np.left_shift)
right_shift   = NonDifferentiableArithmetic("right_shift", np.right_shift)
invert        = NonDifferentiableArithmetic("invert", np.invert)
bitwise_count = NonDifferentiable("bitwise_count", np.bitwise_count)
gcd           = NonDifferentiable("gcd", np.gcd)
lcm           = NonDifferentiable("lcm", np.lcm)
# the exponent of np.frexp
exponent      = NonDifferentiable("exponent", lambda x: np.frexp(x)[1])
# fmt: on

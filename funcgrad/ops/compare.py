"""Elementwise functions that carry no derivative: comparisons, logic, rounding, bits.

``floor`` and its like are constant wherever they have a derivative; the others give
booleans or integers. Forward and reverse mode take their results as plain values, so that
``if x > 0`` is NumPy's own boolean.
"""

import numpy as np

from .families import Free, FreeArithmetic

# fmt: off
eq            = FreeArithmetic("eq", np.equal)
ne            = FreeArithmetic("ne", np.not_equal)
lt            = FreeArithmetic("lt", np.less)
le            = FreeArithmetic("le", np.less_equal)
gt            = FreeArithmetic("gt", np.greater)
ge            = FreeArithmetic("ge", np.greater_equal)
logical_and   = Free("logical_and", np.logical_and)
logical_or    = Free("logical_or", np.logical_or)
logical_xor   = Free("logical_xor", np.logical_xor)
logical_not   = Free("logical_not", np.logical_not)
isfinite      = Free("isfinite", np.isfinite)
isinf         = Free("isinf", np.isinf)
isnan         = Free("isnan", np.isnan)
signbit       = Free("signbit", np.signbit)
floor         = Free("floor", np.floor)
ceil          = Free("ceil", np.ceil)
trunc         = Free("trunc", np.trunc)
rint          = Free("rint", np.rint)
spacing       = Free("spacing", np.spacing)
floor_divide  = FreeArithmetic("floor_divide", np.floor_divide)
bitwise_and   = FreeArithmetic("bitwise_and", np.bitwise_and)
bitwise_or    = FreeArithmetic("bitwise_or", np.bitwise_or)
bitwise_xor   = FreeArithmetic("bitwise_xor", np.bitwise_xor)
left_shift    = FreeArithmetic("left_shift", np.left_shift)
right_shift   = FreeArithmetic("right_shift", np.right_shift)
invert        = FreeArithmetic("invert", np.invert)
bitwise_count = Free("bitwise_count", np.bitwise_count)
gcd           = Free("gcd", np.gcd)
lcm           = Free("lcm", np.lcm)
# the exponent that np.frexp splits off
exponent      = Free("exponent", lambda x: np.frexp(x)[1])
# fmt: on

# Written by `python -m tests.support.stubs` with NumPy 2.4.6, not by hand.

from numpy.lib.scimath import (
    arccos as arccos,
    arcsin as arcsin,
    arctanh as arctanh,
    log as log,
    log10 as log10,
    log2 as log2,
    logn as logn,
    power as power,
    sqrt as sqrt,
)

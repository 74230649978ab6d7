"""SciPy's solvers over trees of parameters: a table of contents.

SciPy solves, on one flat vector; derivatives come from here. The solution has derivatives of its
own by all that the function depends on, by the implicit function theorem: they cost one linear
system, whatever the solver did.
"""

from .equations import least_squares as least_squares, root as root
from .minima import minimize as minimize

"""Functions in which ``x += y`` gives a new array, the habit of HIPS autograd and JAX."""

import functools
from collections.abc import Callable
from typing import Any

from ..core.trace import running


def rebinding(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Function for a transform, in which ``x += y`` leaves the other names of ``x`` as they are.

    >>> import funcgrad as fg
    >>> import numpy as np
    >>> def f(x):
    ...     y = x
    ...     y += 1
    ...     return x * y
    >>> fg.grad(f)(np.array(3.0)), fg.grad(rebinding(f))(np.array(3.0))
    (array(8.), array(7.))
    """

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        trace = running.get()
        if trace is not None:
            trace.rebinds = True  # and those that begin inside
        return fun(*args, **kwargs)

    return call

"""Ordinary differential equations by SciPy's odeint."""

from collections.abc import Callable
from typing import Any

from ....scipy import integrate as ours
from .names import found


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    func_args: Any = (),
    rtol: float = 1.49e-8,
    atol: float = 1.49e-8,
    **options: Any,
) -> Any:
    """Solution of y' = func(y, t, *func_args) at the times ``t``, shape [len(t), *y0.shape].

    Args:
        y0, t, func_args: differentiable; a parameter of ``func`` alone may be given without tuple.
        options: those of SciPy that choose its steps are ignored.
    """
    func_args = options.pop("args", func_args)
    args = func_args if isinstance(func_args, tuple) else (func_args,)
    return ours.odeint(func, y0, t, *args, rtol=rtol, atol=atol)


def __getattr__(name: str) -> Any:
    return found(ours, "scipy.integrate", name)

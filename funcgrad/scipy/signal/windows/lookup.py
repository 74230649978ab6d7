"""Windows by their names."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....core.avals import dtype_of, shape_of
from ....core.errors import shown
from ....core.lazy import answering
from ....ops.operand import operand
from .parametric import (
    chebwin,
    dpss,
    exponential,
    gaussian,
    general_gaussian,
    kaiser,
    kaiser_bessel_derived,
    taylor,
    tukey,
)
from .plain import (
    barthann,
    bartlett,
    blackman,
    blackmanharris,
    bohman,
    boxcar,
    cosine,
    flattop,
    general_cosine,
    general_hamming,
    hamming,
    hann,
    lanczos,
    nuttall,
    parzen,
    triang,
)

_NAMES: dict[str, tuple[Callable[..., Any], Sequence[str]]] = {
    "barthann": (barthann, ("brthan", "bth")), "bartlett": (bartlett, ("bart", "brt")),
    "blackman": (blackman, ("black", "blk")),
    "blackmanharris": (blackmanharris, ("blackharr", "bkh")), "bohman": (bohman, ("bman", "bmn")),
    "boxcar": (boxcar, ("box", "ones", "rect", "rectangular")),
    "chebwin": (chebwin, ("cheb",)), "cosine": (cosine, ("halfcosine",)),
    "dpss": (dpss, ()), "exponential": (exponential, ("poisson",)),
    "flattop": (flattop, ("flat", "flt")), "gaussian": (gaussian, ("gauss", "gss")),
    "general cosine": (general_cosine, ("general_cosine",)),
    "general gaussian": (general_gaussian, ("general_gaussian", "general gauss", "ggs")),
    "general hamming": (general_hamming, ("general_hamming",)),
    "hamming": (hamming, ("hamm", "ham")), "hann": (hann, ("han",)),
    "kaiser": (kaiser, ("ksr",)),
    "kaiser bessel derived": (kaiser_bessel_derived, ("kbd",)),
    "lanczos": (lanczos, ("sinc",)), "nuttall": (nuttall, ("nutl", "nut")),
    "parzen": (parzen, ("parz", "par")), "taylor": (taylor, ("taylorwin",)),
    "triang": (triang, ("triangle", "tri")), "tukey": (tukey, ("tuk",)),
}  # fmt: skip
_BY_NAME = {k: f for name, (f, more) in _NAMES.items() for k in (name, *more)}
_PARAMETERS = {chebwin, dpss, gaussian, general_cosine, general_gaussian, general_hamming, kaiser,
               kaiser_bessel_derived}  # fmt: skip


def _is_number(x: Any) -> bool:
    x = operand(x)
    return dtype_of(x).kind in "iuf" and not shape_of(x)


@answering
def get_window(window: Any, Nx: int, fftbins: bool = True) -> Any:  # noqa: N803
    """Window of a name.

    Args:
        window: a name; or a tuple of a name and parameters, as ("kaiser", 8.0); or a number, the
            parameter of Kaiser's window. Names end in "_periodic" or "_symmetric" to override
            ``fftbins``.
        Nx: int, the number of points.
        fftbins: whether the window is periodic, or symmetric.

    >>> get_window("hann", 4)
    array([0. , 0.5, 1. , 0.5])
    """
    name: Any = window
    parameters: tuple[Any, ...] = ()
    if isinstance(window, tuple) and window and isinstance(window[0], str):
        name, parameters = window[0], window[1:]
    elif not isinstance(window, str) and _is_number(window):
        name, parameters = "kaiser", (window,)
    sym = not fftbins
    for end, meant in (("_periodic", False), ("_symmetric", True)):
        if isinstance(name, str) and name.endswith(end):
            name, sym = name.removesuffix(end), meant
    rule = _BY_NAME.get(name) if isinstance(name, str) else None
    if rule is None:
        raise ValueError(
            f"get_window: window must be one of {', '.join(_NAMES)}: got {shown(window)}; give an "
            f"array where one is taken"
        )
    if rule in _PARAMETERS and not parameters:
        raise ValueError(
            f"get_window: {name} needs a parameter: got {shown(window)}; write ({name!r}, 8.0)"
        )
    if not isinstance(Nx, (int, np.integer)):
        raise TypeError(f"get_window: Nx must be an int: got {shown(Nx)}; write Nx=8")
    if rule is dpss:
        return dpss(Nx, parameters[0], None, sym)
    return rule(Nx, *parameters, sym=sym)

"""NumPy functions without support for traced arrays, each with the reason and the cure."""

import numpy as np

from ..core.errors import ConversionError
from ..core.registry import overrides
from .dispatch import refuses

_OUTSIDE = "call it outside the traced function, on plain arrays"

# fmt: off
refuses("save savetxt savez savez_compressed",
        "a traced value has no data to write to a file",
        "save stop_gradient(x)", ConversionError)
refuses("busday_count busday_offset is_busday datetime_as_string isnat",
        "it takes dates, and traced values are numbers", _OUTSIDE)
refuses("fromfile fromstring fromiter frombuffer fromfunction loadtxt genfromtxt",
        "it creates plain arrays, and like= is traced", "leave like= out")
# fmt: on
for _space in ("strings", "char"):
    for _name, _function in list(vars(getattr(np, _space)).items()):
        dispatched = isinstance(_function, np.ufunc) or hasattr(_function, "_implementation")
        if dispatched and overrides.home(_function) is None:
            refuses(f"{_space}.{_name}", "it takes text, and traced values are numbers", _OUTSIDE)

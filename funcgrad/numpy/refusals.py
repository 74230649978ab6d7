"""NumPy functions without support for traced arrays, each with the reason and the cure."""

import numpy as np

from ..core.errors import ConversionError, MutationError
from ..core.registry import overrides
from .dispatch import refuses

_IN_PLACE = "it would change an array in place and lose its derivative"
_AT = "write x = funcgrad.at(x)[index].set(value)"

_OUTSIDE = "call it outside the traced function, on plain arrays"

# fmt: off
refuses("copyto", _IN_PLACE, "write numpy.where, and funcgrad.numpy.full_like(a, x) for "
                             "numpy.full_like(a, x)", MutationError)
refuses("put put_along_axis place", _IN_PLACE, _AT, MutationError)
refuses("putmask", _IN_PLACE, "write x = numpy.where(mask, values, x)", MutationError)
refuses("fill_diagonal", _IN_PLACE,
        "write x = funcgrad.at(x)[numpy.diag_indices_from(x)].set(value)", MutationError)
refuses("save savetxt savez savez_compressed",
        "a traced value has no data to write to a file",
        "save stop_gradient(x)", ConversionError)
refuses("busday_count busday_offset is_busday datetime_as_string isnat",
        "it takes dates, and traced values are numbers", _OUTSIDE)
refuses("fromfile fromstring fromiter frombuffer fromfunction loadtxt genfromtxt require",
        "it creates plain arrays, and like= is traced", "leave like= out")
# fmt: on
for _space in ("strings", "char"):
    for _name, _function in list(vars(getattr(np, _space)).items()):
        dispatched = isinstance(_function, np.ufunc) or hasattr(_function, "_implementation")
        if dispatched and overrides.home(_function) is None:
            refuses(f"{_space}.{_name}", "it takes text, and traced values are numbers", _OUTSIDE)

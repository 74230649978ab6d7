"""Errors of the user's functions, explained in the outermost transform."""

from .errors import ConcretizationError, ConversionError, not_stored, too_deep
from .trace import running


def explained(err: Exception) -> Exception:
    """The error of a user's function; in the outermost transform, ours for a failed assignment."""
    trace = running.get()
    if isinstance(err, RecursionError):
        error: Exception = too_deep(trace and trace.origin, err)
    elif isinstance(err.__cause__, _REFUSED) and not (trace and trace.around):
        error = not_stored(err)
    else:
        return err
    error.__suppress_context__ = True
    return error


_REFUSED = (ConversionError, ConcretizationError)

"""Debugging of numerical faults: the operation that made a nan or inf."""

from ..core.errors import NanError as NanError, UntakenWarning as UntakenWarning
from ..core.lazy import publish as _publish
from ..transforms.nans import Untaken as Untaken, nans as nans

_publish(__name__)

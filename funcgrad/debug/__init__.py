"""Finding faults in programs: which operation made a nan or inf."""

from ..core.errors import NanError as NanError, UntakenWarning as UntakenWarning
from ..transforms.nans import Untaken as Untaken, nans as nans

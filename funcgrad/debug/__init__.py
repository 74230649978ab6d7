"""Debugging: prints and breakpoints under any transform, and faults of numbers by their line."""

from ..core.errors import NanError as NanError, UntakenWarning as UntakenWarning
from ..core.lazy import publish as _publish
from ..transforms.nans import Untaken as Untaken, nans as nans
from .callbacks import (
    breakpoint as breakpoint,
    callback as callback,
    callback_cotangent as callback_cotangent,
    print as print,
    print_cotangent as print_cotangent,
)
from .checks import Finding as Finding, Report as Report, check as check
from .explanation import explain as explain
from .profiles import Cost as Cost, Line as Line, Profile as Profile, profile as profile

_publish(__name__)

"""One program on several processes: named axes of ranks, by MPI, on one machine, or alone."""

from ..core.lazy import publish as _publish
from .processes import RankFailedError as RankFailedError, launch as launch
from .ranks import Ranks as Ranks, RanksDifferError as RanksDifferError
from .spmd import P as P, spmd as spmd, world as world

_publish(__name__)

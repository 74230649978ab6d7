"""The workloads, a family a file, written once for the libraries that take functions.

Importing this package fills ``WORKLOADS``. No workload is taken out of these files.
"""

from ..workload import WORKLOADS
from . import (
    adbench,
    algebra,
    attention,
    convolutional,
    dense,
    loops,
    probabilistic,
    recurrent,
    scatter,
    stencils,
)

__all__ = [
    "WORKLOADS",
    "adbench",
    "algebra",
    "attention",
    "convolutional",
    "dense",
    "loops",
    "probabilistic",
    "recurrent",
    "scatter",
    "stencils",
]

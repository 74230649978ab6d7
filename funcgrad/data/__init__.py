"""Data loading: resumable loaders, splits, scalers, and padding of sequences.

Examples are rows of arrays [N, ...] in any tree; randomness comes from explicit keys only.
"""

from ..core.lazy import publish as _publish
from .datasets import stack as stack
from .loader import Loader as Loader, Position as Position
from .samplers import bucket_sampler as bucket_sampler, weighted_sampler as weighted_sampler
from .scaling import (
    Scaler as Scaler,
    min_max_scaler as min_max_scaler,
    standardizer as standardizer,
)
from .sequences import pad_sequences as pad_sequences, windows as windows
from .splits import k_fold as k_fold, train_test_split as train_test_split

_publish(__name__)

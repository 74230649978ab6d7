"""The interface of a counter-based generator, which works on batches of keys."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Generator(NamedTuple):
    """Functions of n keys, each two words; ``philox`` and ``threefry`` implement them.

    Args:
        words: dtype of a key's words.
        seed: seeds u64[n] -> keys [n,2].
        split: (keys [n,2], num) -> children [n,num,2].
        fold_in: (keys [n,2], data u64[n]) -> keys [n,2].
        bits: (keys [n,2], num, unsigned dtype) -> random integers [n,num].
    """

    words: np.dtype[Any]
    seed: Callable[[Array], Array]
    split: Callable[[Array, int], Array]
    fold_in: Callable[[Array, Array], Array]
    bits: Callable[[Array, int, np.dtype[Any]], Array]

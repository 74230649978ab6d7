"""Activation functions that are primitives."""

import numpy as np

from .compare import gt, le
from .elementwise import gate, maximum, where
from .families import Elementwise

relu_p = Elementwise(
    "relu",
    lambda x: np.maximum(x, 0),
    lambda t, y, x: gate(t, gt(x, 0)),
    lower=lambda build, x: build(maximum, x, 0),
    decompose=lambda x: where(le(x, 0), 0, x),
)

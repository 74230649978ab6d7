"""Initializers: functions ``(key, shape, dtype) -> array`` that draw a parameter.

They are frozen dataclasses, so that two equal descriptions of a module have equal structure.
Weights have the layout (..., in, out). Names and defaults are those of ``jax.nn.initializers``.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..core.avals import Axes, Shape
from ..core.errors import ShapeError, shown
from ..core.lazy import answering, checking, publish as _publish
from ..numpy.at import at
from ..numpy.creation import full
from ..ops.operand import holds_tracer
from ..random import (
    Key,
    normal as _normal,
    orthogonal as _orthogonal,
    truncated_normal as _truncated,
    uniform as _uniform,
)

__all__ = [
    "Initializer", "constant", "delta_orthogonal", "glorot_normal", "glorot_uniform", "he_normal",
    "he_uniform", "kaiming_normal", "kaiming_uniform", "lecun_normal", "lecun_uniform", "normal",
    "ones", "orthogonal", "truncated_normal", "uniform", "variance_scaling", "xavier_normal",
    "xavier_uniform", "zeros",
]  # fmt: skip

# standard deviation of the standard normal distribution truncated to (-2, 2)
TRUNCATED_DEVIATION = 0.87962566103423978


class Initializer(Protocol):
    """Draws a parameter: ``initializer(key, shape, dtype)``."""

    def __call__(self, key: Key, shape: Shape, dtype: Any = np.float32) -> Any: ...


@answering
def zeros(key: Key, shape: Shape, dtype: Any = np.float32) -> Any:
    """Fill with zeros.

    >>> zeros(None, (2,))
    array([0., 0.], dtype=float32)
    """
    return np.zeros(shape, dtype)


@answering
def ones(key: Key, shape: Shape, dtype: Any = np.float32) -> Any:
    """Fill with ones.

    >>> ones(None, (2,))
    array([1., 1.], dtype=float32)
    """
    return np.ones(shape, dtype)


@checking
@dataclass(frozen=True)
class constant:  # noqa: N801, called like a function
    """Fill with one value.

    >>> constant(0.5)(None, (2,))
    array([0.5, 0.5], dtype=float32)
    """

    value: Any

    def __call__(self, key: Key, shape: Shape, dtype: Any = np.float32) -> Any:
        traced = holds_tracer(self.value)
        return full(shape, self.value, dtype) if traced else np.full(shape, self.value, dtype)


@checking
@dataclass(frozen=True)
class normal:  # noqa: N801
    """Draw from the normal distribution with mean 0 and standard deviation ``stddev``.

    >>> from funcgrad import random
    >>> normal()(random.key(0), (2, 3)).shape
    (2, 3)
    """

    stddev: float = 1e-2

    def __call__(self, key: Key, shape: Shape, dtype: Any = np.float32) -> Any:
        return _normal(key, shape, dtype) * self.stddev


@checking
@dataclass(frozen=True)
class uniform:  # noqa: N801
    """Draw from the uniform distribution on [0, scale).

    >>> from funcgrad import random
    >>> bool(np.all(uniform(0.1)(random.key(0), (100,)) < 0.1))
    True
    """

    scale: float = 1e-2

    def __call__(self, key: Key, shape: Shape, dtype: Any = np.float32) -> Any:
        return _uniform(key, shape, dtype) * self.scale


@checking
@dataclass(frozen=True)
class truncated_normal:  # noqa: N801
    """Draw from the normal distribution truncated to (lower, upper), times ``stddev``.

    >>> from funcgrad import random
    >>> bool(np.all(np.abs(truncated_normal(1.0)(random.key(0), (100,))) < 2))
    True
    """

    stddev: float = 1e-2
    lower: float = -2.0
    upper: float = 2.0

    def __call__(self, key: Key, shape: Shape, dtype: Any = np.float32) -> Any:
        return _truncated(key, self.lower, self.upper, shape, dtype) * self.stddev


@checking
@dataclass(frozen=True)
class variance_scaling:  # noqa: N801
    """Draw with variance ``scale / fan``, so that sums over the inputs have variance ``scale``.

    Args:
        scale: positive.
        mode: "fan_in" (inputs per output), "fan_out" (outputs per input), or their arithmetic
            ("fan_avg") or geometric mean ("fan_geo_avg").
        distribution: "truncated_normal" (to two standard deviations), "normal" or "uniform".
        in_axis: axis or axes of the inputs.
        out_axis: axis or axes of the outputs; all other axes count in both fans.
        batch_axis: axes that count in neither.

    Source: He et al. 2015, section 2.2 (arXiv:1502.01852); Glorot & Bengio 2010, section 4.2.

    >>> from funcgrad import random
    >>> w = variance_scaling(1.0, "fan_in", "normal")(random.key(0), (100, 50))
    >>> round(float(np.std(w)), 2)
    0.1
    """

    scale: float
    mode: str
    distribution: str
    in_axis: int | Axes = -2
    out_axis: int | Axes = -1
    batch_axis: int | Axes = ()

    def __post_init__(self) -> None:
        for name, known in (("mode", _FANS), ("distribution", _DISTRIBUTIONS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"variance_scaling: unknown {name}: got {shown(getattr(self, name))}; use "
                    f"{' or '.join(map(repr, known))}"
                )

    def __call__(self, key: Key, shape: Shape, dtype: Any = np.float32) -> Any:
        if len(shape) < 2:
            raise ShapeError(
                f"variance_scaling: the shape must have at least two axes, in and out: got "
                f"{tuple(shape)}; use nn.init.zeros for a bias"
            )
        fan = _FANS[self.mode](*self.fans(shape))
        variance = self.scale / max(fan, 1)
        return _DISTRIBUTIONS[self.distribution](key, shape, dtype, variance)

    def fans(self, shape: Shape) -> tuple[float, float]:
        """The number of inputs per output, and of outputs per input."""
        inputs, outputs, batch = (
            math.prod(shape[d] for d in (axes if isinstance(axes, tuple) else (axes,)))
            for axes in (self.in_axis, self.out_axis, self.batch_axis)
        )
        field = math.prod(shape) / max(inputs * outputs * batch, 1)
        return inputs * field, outputs * field


# fmt: off
_FANS = {
    "fan_in":      lambda fan_in, fan_out: fan_in,
    "fan_out":     lambda fan_in, fan_out: fan_out,
    "fan_avg":     lambda fan_in, fan_out: (fan_in + fan_out) / 2,
    "fan_geo_avg": lambda fan_in, fan_out: math.sqrt(fan_in * fan_out),
}
_DISTRIBUTIONS = {
    "truncated_normal": lambda key, shape, dtype, variance:
        truncated_normal(math.sqrt(variance) / TRUNCATED_DEVIATION)(key, shape, dtype),
    "normal":  lambda key, shape, dtype, variance: normal(math.sqrt(variance))(key, shape, dtype),
    "uniform": lambda key, shape, dtype, variance:
        _uniform(key, shape, dtype, -math.sqrt(3 * variance), math.sqrt(3 * variance)),
}
# fmt: on


def _recipe(name: str, scale: float, mode: str, distribution: str) -> Any:
    def recipe(
        in_axis: int | Axes = -2, out_axis: int | Axes = -1, batch_axis: int | Axes = ()
    ) -> variance_scaling:
        return variance_scaling(scale, mode, distribution, in_axis, out_axis, batch_axis)

    recipe.__name__ = recipe.__qualname__ = name
    recipe.__doc__ = f"""Shorthand for variance_scaling({scale}, {mode!r}, {distribution!r}).

    >>> {name}().mode
    {mode!r}
    """
    return recipe


glorot_uniform = xavier_uniform = _recipe("glorot_uniform", 1.0, "fan_avg", "uniform")
glorot_normal = xavier_normal = _recipe("glorot_normal", 1.0, "fan_avg", "truncated_normal")
he_uniform = kaiming_uniform = _recipe("he_uniform", 2.0, "fan_in", "uniform")
he_normal = kaiming_normal = _recipe("he_normal", 2.0, "fan_in", "truncated_normal")
lecun_uniform = _recipe("lecun_uniform", 1.0, "fan_in", "uniform")
lecun_normal = _recipe("lecun_normal", 1.0, "fan_in", "truncated_normal")


@checking
@dataclass(frozen=True)
class orthogonal:  # noqa: N801
    """Draw a matrix with orthonormal rows or columns, whichever are fewer, times ``scale``.

    Args:
        scale: a factor.
        column_axis: the axis of the columns; all other axes together are the rows.

    Source: Saxe et al. 2014, section 3 (arXiv:1312.6120); Mezzadri 2007, section 5, for the signs.

    >>> from funcgrad import random
    >>> q = orthogonal()(random.key(0), (4, 3), np.float64)
    >>> bool(np.allclose(q.T @ q, np.eye(3)))
    True
    """

    scale: float = 1.0
    column_axis: int = -1

    def __call__(self, key: Key, shape: Shape, dtype: Any = np.float32) -> Any:
        if len(shape) < 2:
            raise ShapeError(
                f"orthogonal: the shape must have at least two axes: got {shape}"
                "; use nn.init.normal() for a vector"
            )
        columns = shape[self.column_axis]
        rows = math.prod(shape) // max(columns, 1)
        q = _orthogonal(key, rows, (), dtype, columns)
        others = [n for d, n in enumerate(shape) if d != self.column_axis % len(shape)]
        return self.scale * np.moveaxis(q.reshape(*others, columns), -1, self.column_axis)


@checking
@dataclass(frozen=True)
class delta_orthogonal:  # noqa: N801
    """Draw a convolution kernel with an orthogonal matrix at its centre and 0 elsewhere.

    Any number of such convolutions in a row preserves the norm of the input.

    Args:
        scale: a factor.
        column_axis: of the matrix [in, out] at the centre, as in :class:`orthogonal`.

    Raises (on call):
        ShapeError: if the shape is not [*window, in, out], with one to three window axes and
            in <= out.

    Source: Xiao et al. 2018, Algorithm 1 (arXiv:1806.05393).

    >>> from funcgrad import random
    >>> w = delta_orthogonal()(random.key(0), (3, 3, 2, 4), np.float64)
    >>> bool(np.allclose(w[1, 1] @ w[1, 1].T, np.eye(2))), w[0].any()
    (True, np.False_)
    """

    scale: float = 1.0
    column_axis: int = -1

    def __call__(self, key: Key, shape: Shape, dtype: Any = np.float32) -> Any:
        if len(shape) not in (3, 4, 5) or shape[-2] > shape[-1]:
            raise ShapeError(
                f"delta_orthogonal: the shape must be [*window, in, out], with one to three window "
                f"axes and in <= out: got {tuple(shape)}"
                "; use nn.init.orthogonal() for a matrix"
            )
        matrix = orthogonal(self.scale, self.column_axis)(key, shape[-2:], dtype)
        middle = tuple((n - 1) // 2 for n in shape[:-2])
        return at(np.zeros(shape, dtype))[middle].set(matrix)


_publish(__name__)

"""Normalization layers: subtract a mean, divide by a standard deviation, then scale and shift.

Channels are the last axis. Variances are biased and computed in two passes, from the elements
minus their mean; for float16 in float32.
"""

from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np

from ..core.avals import Axes, Shape, aval_of, dtype_of, shape_of
from ..core.errors import shown
from ..core.integers import whole
from ..ops.operand import operand
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import cast
from ..random import Key
from ..transforms.collectives import pmean
from . import init
from .annotations import Array
from .apply import complaint, latest, refresh
from .layers import check_last_axis, check_lengths
from .module import Module, module, param, state
from .spatial import is_whole


def widened(x: Any) -> Any:
    """Cast integers and float16 to a dtype in which squares do not overflow."""
    x = operand(x)
    dtype = dtype_of(x)
    if dtype.kind in "biu":
        return cast(x, np.result_type(dtype, np.float32))
    return cast(x, np.dtype(np.float32)) if dtype == np.float16 else x


def moments(x: Any, axes: Axes) -> tuple[Any, Any]:
    """Mean and biased variance along axes, which are kept with length 1."""
    mean = np.mean(x, axis=axes, keepdims=True)
    return mean, np.mean(np.square(x - mean), axis=axes, keepdims=True)


def scaled(y: Any, scale: Any, bias: Any, like: Any) -> Any:
    """``y * scale + bias``, without those that are None, in float16 if x is."""
    if dtype_of(like) == np.float16:
        y = cast(y, np.dtype(np.float16))
    y = y if scale is None else y * scale
    return y if bias is None else y + bias


def _if(flag: str, shape: str) -> Any:
    """The shape of a parameter, or None, as a flag of the module says."""
    return lambda self: _shape_of_field(self, shape) if getattr(self, flag) else None


def _shape_of_field(layer: Any, name: str) -> Shape:
    given = getattr(layer, name)
    return given if isinstance(given, tuple) else (given,)


@module
class BatchNorm(Module):
    """Normalize each channel, the last axis, over all other axes.

    In training it uses the statistics of the batch, and updates the running statistics to
    ``momentum * running + (1 - momentum) * batch``; ``nn.apply`` returns them in the model.
    Without a key it uses the running statistics, which are constants to every derivative.

    Args:
        features: the length of the last axis.
        momentum: float in [0, 1], the weight of the old running statistics.
        epsilon: float, added to the variance.
        use_scale: whether the result is multiplied by ``scale``.
        use_bias: whether ``bias`` is added.
        axis_name: the axis name, or names, of vmaps over which to average too.

    Raises (on call):
        ShapeError: if the last axis of x has another length, or the batch is empty.
    Source: Ioffe & Szegedy 2015, Algorithm 1 (arXiv:1502.03167).

    >>> from funcgrad import nn, random
    >>> norm = BatchNorm(1).init(random.key(0))
    >>> y, norm = nn.apply(norm, np.float32([[1], [3]]), key=random.key(1))
    >>> print(y.ravel().round(2), norm.mean)
    [-1.  1.] [0.02]
    """

    features: int
    momentum: float = 0.99
    epsilon: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True
    axis_name: Any = None
    scale_init: init.Initializer = field(default=init.ones, kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    scale: Array | None = param("scale_init", _if("use_scale", "features"))
    bias: Array | None = param("bias_init", _if("use_bias", "features"))
    mean: Array = state(init.zeros, lambda self: (self.features,))
    var: Array = state(init.ones, lambda self: (self.features,))

    def __post_init__(self) -> None:
        check_lengths(self, "features")
        if not 0 <= self.momentum <= 1:
            raise ValueError(f"BatchNorm: momentum must be in [0, 1]: got {self.momentum}")

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        check_last_axis(self, x, self.features)
        wide = widened(x)
        if key is None:
            mean, var = stop_gradient(self.mean), stop_gradient(self.var)
        else:
            mean, var = self.statistics(wide)
            m = self.momentum
            refresh(
                self,
                mean=m * latest(self, "mean") + (1 - m) * mean,
                var=m * latest(self, "var") + (1 - m) * var,
            )
        y = (wide - mean) / np.sqrt(var + self.epsilon)
        return scaled(y, self.scale, self.bias, x)

    def statistics(self, x: Any) -> tuple[Any, Any]:
        """Mean and variance of each channel of a batch, also over the axes of vmap."""
        axes = tuple(range(len(shape_of(x)) - 1))
        if (not axes and self.axis_name is None) or 0 in shape_of(x)[:-1]:
            raise complaint(
                self,
                f"a training pass needs a batch axis: got {aval_of(x)}; under vmap, "
                f"name its axis: BatchNorm(..., axis_name='batch')",
            )
        if self.axis_name is None:
            mean, var = moments(x, axes)
            return np.reshape(mean, -1), np.reshape(var, -1)
        mean = pmean(np.mean(x, axis=axes), self.axis_name)
        return mean, pmean(np.mean(np.square(x - mean), axis=axes), self.axis_name)


def _check_shape(layer: Any, given: Any) -> tuple[int, ...]:
    """The lengths of the last axes, over which a layer normalizes."""
    shape = tuple(map(whole, given if isinstance(given, Sequence) else (given,)))
    if not shape or not all(map(is_whole, shape)):
        raise ValueError(
            f"{type(layer).__name__}: features must be the length of the last axis, or the "
            f"lengths of the last axes: got {shown(given)}"
            "; write x.shape[-1]"
        )
    return shape


def _last_axes(layer: Any, x: Any) -> Axes:
    shape = layer.features
    if shape_of(x)[-len(shape) :] != shape:
        which = f"axis of x must have length {shape[0]}"
        if len(shape) > 1:
            which = f"axes of x must have lengths {shape}"
        cure = f"set features to {shape_of(x)[-len(shape) :]}"
        raise complaint(layer, f"the last {which}: got {aval_of(x)}; {cure}")
    return tuple(range(-len(shape), 0))


@module
class LayerNorm(Module):
    """Normalize each example over its last axis or axes.

    Args:
        features: int or tuple of int, the lengths of the last axes.
        epsilon: float, added to the variance.
        use_scale: whether the result is multiplied by ``scale``, shape ``features``.
        use_bias: whether ``bias``, shape ``features``, is added.

    Raises (on call):
        ShapeError: if the last axes of x have other lengths.

    Source: Ba et al. 2016, equation 4 (arXiv:1607.06450).

    >>> from funcgrad import random
    >>> print(LayerNorm(2).init(random.key(0))(np.array([1.0, 3.0])).round(2))
    [-1.  1.]
    """

    features: int | tuple[int, ...]
    epsilon: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True
    scale_init: init.Initializer = field(default=init.ones, kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    scale: Array | None = param("scale_init", _if("use_scale", "features"))
    bias: Array | None = param("bias_init", _if("use_bias", "features"))

    def __post_init__(self) -> None:
        self.features = _check_shape(self, self.features)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        axes = _last_axes(self, x)
        wide = widened(x)
        mean, var = moments(wide, axes)
        return scaled((wide - mean) / np.sqrt(var + self.epsilon), self.scale, self.bias, x)


@module
class RMSNorm(Module):
    """Divide each example by the root mean square over its last axis or axes.

    Args:
        features: int or tuple of int, the lengths of the last axes.
        epsilon: float, added to the mean square.
        use_scale: whether the result is multiplied by ``scale``, shape ``features``.

    Raises (on call):
        ShapeError: if the last axes of x have other lengths.

    Source: Zhang & Sennrich 2019, equation 4 (arXiv:1910.07467).

    >>> from funcgrad import random
    >>> print(RMSNorm(2).init(random.key(0))(np.array([3.0, 3.0])).round(2))
    [1. 1.]
    """

    features: int | tuple[int, ...]
    epsilon: float = 1e-6
    use_scale: bool = True
    scale_init: init.Initializer = field(default=init.ones, kw_only=True)
    scale: Array | None = param("scale_init", _if("use_scale", "features"))

    def __post_init__(self) -> None:
        self.features = _check_shape(self, self.features)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        axes = _last_axes(self, x)
        wide = widened(x)
        square = np.mean(np.square(wide), axis=axes, keepdims=True)
        return scaled(wide / np.sqrt(square + self.epsilon), self.scale, None, x)


@module
class GroupNorm(Module):
    """Normalize each example over the spatial axes and each group of channels.

    Args:
        num_groups: the number of groups of channels, a divisor of ``features``.
        features: the number of channels, the length of the last axis.
        epsilon: float, added to the variance.
        use_scale: whether the result is multiplied by ``scale``.
        use_bias: whether ``bias`` is added.
        batch_axes: the number of leading batch axes; 0 for a single example.

    Raises (on call):
        ShapeError: if the last axis of x has another length, or x has too few axes.

    Source: Wu & He 2018, section 3.1 (arXiv:1803.08494).

    >>> from funcgrad import random
    >>> GroupNorm(2, 4).init(random.key(0))(np.ones((8, 5, 5, 4))).shape
    (8, 5, 5, 4)
    """

    num_groups: int
    features: int
    epsilon: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True
    batch_axes: int = 1
    scale_init: init.Initializer = field(default=init.ones, kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    scale: Array | None = param("scale_init", _if("use_scale", "features"))
    bias: Array | None = param("bias_init", _if("use_bias", "features"))

    def __post_init__(self) -> None:
        check_lengths(self, "num_groups", "features", least=1)
        check_lengths(self, "batch_axes")
        if self.features % self.num_groups:
            raise ValueError(
                f"GroupNorm: num_groups must divide features: got {self.num_groups} groups of "
                f"{self.features} features"
                "; write num_groups=1, or a divisor"
            )

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        check_last_axis(self, x, self.features)
        return scaled(grouped(self, x, self.num_groups), self.scale, self.bias, x)


def grouped(layer: Any, x: Any, groups: int) -> Any:
    """x normalized over spatial axes and groups of channels."""
    shape = shape_of(x)
    if len(shape) <= layer.batch_axes:
        raise complaint(
            layer,
            f"x must have {layer.batch_axes} batch axes and a channel axis: got "
            f"{aval_of(x)}; set batch_axes",
        )
    wide = np.reshape(widened(x), (*shape[:-1], groups, shape[-1] // groups))
    spatial = range(layer.batch_axes, len(shape) - 1)
    mean, var = moments(wide, (*spatial, len(shape)))
    return np.reshape((wide - mean) / np.sqrt(var + layer.epsilon), shape)


@module
class InstanceNorm(Module):
    """Normalize each channel of each example over the spatial axes.

    Args:
        features: the number of channels, the length of the last axis.
        epsilon: float, added to the variance.
        use_scale: whether the result is multiplied by ``scale``.
        use_bias: whether ``bias`` is added.
        batch_axes: the number of leading batch axes; 0 for a single example.

    Raises (on call):
        ShapeError: if the last axis of x has another length, or x has too few axes.

    Source: Ulyanov et al. 2016, equation 2 (arXiv:1607.08022).

    >>> from funcgrad import random
    >>> InstanceNorm(4).init(random.key(0))(np.ones((8, 5, 5, 4))).shape
    (8, 5, 5, 4)
    """

    features: int
    epsilon: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True
    batch_axes: int = 1
    scale_init: init.Initializer = field(default=init.ones, kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    scale: Array | None = param("scale_init", _if("use_scale", "features"))
    bias: Array | None = param("bias_init", _if("use_bias", "features"))

    def __post_init__(self) -> None:
        check_lengths(self, "features", least=1)
        check_lengths(self, "batch_axes")

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        check_last_axis(self, x, self.features)
        return scaled(grouped(self, x, self.features), self.scale, self.bias, x)

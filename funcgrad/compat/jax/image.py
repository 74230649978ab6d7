"""``jax.image``: arrays of other sizes."""

import enum
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...nn.resampling import METHODS, checked_method, scale_and_translate as _scale_and_translate
from ...nn.resizing import resize as _resize
from . import numpy as jnp
from .arrays import lowered, raised

_ALIASES = {
    "bilinear": "linear", "trilinear": "linear", "triangle": "linear", "bicubic": "cubic",
    "tricubic": "cubic", "bicubic-pytorch": "cubic-pytorch",
}  # fmt: skip


class ResizeMethod(enum.Enum):
    """Ways to interpolate."""

    NEAREST = 0
    LINEAR = 1
    LANCZOS3 = 2
    LANCZOS5 = 3
    CUBIC = 4
    CUBIC_PYTORCH = 5
    AREA = 6

    @staticmethod
    def from_string(s: str) -> "ResizeMethod":
        """The method of a name."""
        name = checked_method("jax.image", _ALIASES.get(s, s), METHODS)
        return ResizeMethod[name.upper().replace("-", "_")]


def _name(method: Any) -> str:
    method = ResizeMethod.from_string(method) if isinstance(method, str) else method
    return method.name.lower().replace("_", "-")  # type: ignore[no-any-return]


def _inexact(image: Any) -> Any:
    image = jnp.asarray(image)
    return lowered(image if image.dtype.kind in "fc" else image.astype(float))


def resize(
    image: Any, shape: Sequence[int], method: Any, antialias: bool = True, precision: Any = None
) -> Any:
    """Interpolate along the axes whose length changes; see funcgrad.nn.resize."""
    if len(shape) != jnp.ndim(image):
        raise ValueError(
            f"resize: shape must have one length for each axis: got {tuple(shape)} for an image "
            f"with {jnp.ndim(image)}"
        )
    name = _name(method)
    x = lowered(jnp.asarray(image)) if name == "nearest" else _inexact(image)
    return raised(_resize(np.expand_dims(x, -1), tuple(shape), name, antialias)[..., 0])


def scale_and_translate(
    image: Any, shape: Sequence[int], spatial_dims: Sequence[int], scale: Any, translation: Any,
    method: Any, antialias: bool = True, precision: Any = None,
) -> Any:  # fmt: skip
    """Resample some axes; see funcgrad.nn.scale_and_translate."""
    x, name = _inexact(image), _name(method)
    scale, translation = lowered((jnp.asarray(scale), jnp.asarray(translation)))
    return raised(_scale_and_translate(x, shape, spatial_dims, scale, translation, name, antialias))

"""``__array_namespace_info__``: the inspection API of the Array API standard."""

import sys
from types import ModuleType
from typing import Any

import numpy as np

from ..core.errors import shown
from ..core.registry import overrides
from .dispatch import check_device

VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")  # of the standard, oldest first

_SIGNED = ("int8", "int16", "int32", "int64")
_UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
_REAL, _COMPLEX = ("float32", "float64"), ("complex64", "complex128")
_KINDS = {
    "bool": ("bool",),
    "signed integer": _SIGNED,
    "unsigned integer": _UNSIGNED,
    "integral": _SIGNED + _UNSIGNED,
    "real floating": _REAL,
    "complex floating": _COMPLEX,
    "numeric": _SIGNED + _UNSIGNED + _REAL + _COMPLEX,
}


class NamespaceInfo:
    """Capabilities, devices and dtypes of this namespace: NumPy's.

    Source: the Array API standard 2024.12, "Inspection".

    >>> NamespaceInfo().default_dtypes()["real floating"]
    dtype('float64')
    """

    def capabilities(self) -> dict[str, Any]:
        """Optional features of the standard; compiled code has none that depends on values."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Device of new arrays."""
        return "cpu"

    def devices(self) -> list[str]:
        """All devices."""
        return ["cpu"]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype]:
        """Default dtypes by kind."""
        check_device(device)
        return {
            "real floating": np.dtype(float),
            "complex floating": np.dtype(complex),
            "integral": np.dtype(int),
            "indexing": np.dtype(np.intp),
        }

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, np.dtype]:
        """Dtypes by name, of all kinds or of the given ones.

        Raises:
            ValueError: if a kind is unknown.

        >>> list(NamespaceInfo().dtypes(kind=("bool", "real floating")))
        ['bool', 'float32', 'float64']
        """
        check_device(device)
        kinds = (
            ("bool", "numeric") if kind is None else kind if isinstance(kind, tuple) else (kind,)
        )
        for k in kinds:
            if k not in _KINDS:
                raise ValueError(f"dtypes: kind must be one of {', '.join(_KINDS)}: got {shown(k)}")
        return {name: np.dtype(name) for k in kinds for name in _KINDS[k]}


def namespace(api_version: str | None) -> ModuleType:
    """The namespace of tracers: ``x.__array_namespace__()``."""
    if api_version not in (None, *VERSIONS):
        raise ValueError(
            f"__array_namespace__: unknown api_version: got {shown(api_version)}; use one of "
            f"{', '.join(VERSIONS)}"
        )
    return sys.modules[__name__.rpartition(".")[0]]


overrides["namespace"] = namespace

__array_namespace_info__ = NamespaceInfo
__array_api_version__ = VERSIONS[-1]

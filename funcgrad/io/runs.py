"""The settings of a run, with its seeds and keys, as text beside its results."""

import json
import platform
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.errors import DtypeError, shown
from ..core.frames import warn
from ..random import Key, key_data, wrap_key_data
from ..random.primitives import GENERATORS

VERSIONS = "versions"  # the entry that is added
_PLAIN = (bool, int, float, str, type(None))


def recorded(who: str, run: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the settings, with the versions of Python, NumPy and this library.

    Raises:
        DtypeError: if a value is not a key, a scalar, text, None, or a list or dict of such.
    """
    for name, x in run.items():
        _encoded(who, f"[{name!r}]", x)
    return {**run, VERSIONS: versions()}


def versions() -> dict[str, str]:
    """Those of Python, NumPy and this library."""
    ours = sys.modules["funcgrad"].__version__
    return {"python": platform.python_version(), "numpy": np.__version__, "funcgrad": ours}


def to_text(who: str, run: Mapping[str, Any]) -> str:
    """The settings as JSON; a key by its words."""
    return json.dumps(_encoded(who, "", dict(run)))


def from_text(text: str) -> dict[str, Any]:
    """The settings that ``to_text`` wrote; ValueError for another text."""
    return _decoded(json.loads(text))  # type: ignore[no-any-return]


def compare(who: str, saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Warn if settings that both runs have differ, but for the versions."""
    for name in [n for n in saved if n in now and n != VERSIONS]:
        old, new = to_text(who, {name: saved[name]}), to_text(who, {name: now[name]})
        if old != new:
            warn(
                f"{who}: the file was saved with {old[1:-1]}: got {new[1:-1]}; take the settings "
                f"from CheckpointManager.run() to repeat the run",
                RuntimeWarning,
            )


def _encoded(who: str, path: str, x: Any) -> Any:
    """A value for JSON."""
    if isinstance(x, Key):
        return {"key": np.asarray(key_data(x)).tolist(), "impl": x.impl}
    if isinstance(x, np.generic) and x.dtype.kind in "biuf":
        return x.item()
    if isinstance(x, _PLAIN):
        return x
    if isinstance(x, Mapping):
        return {str(n): _encoded(who, f"{path}[{n!r}]", v) for n, v in x.items()}
    if isinstance(x, list | tuple):
        return [_encoded(who, f"{path}[{i}]", v) for i, v in enumerate(x)]
    raise DtypeError(
        f"{who}: run{path} must be a key, a scalar, text, None, or a list or dict of these: got "
        f"{shown(x)}; give its name or its shape"
    )


def _decoded(x: Any) -> Any:
    if isinstance(x, dict):
        if x.keys() == {"key", "impl"}:
            words = np.array(x["key"], GENERATORS[x["impl"]].words)
            return wrap_key_data(words, impl=x["impl"])
        return {name: _decoded(v) for name, v in x.items()}
    return [_decoded(v) for v in x] if isinstance(x, list) else x

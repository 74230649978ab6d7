"""Names that SciPy alone has, in modules that have SciPy's names."""

from typing import Any

from ....core.registry import load


def found(ours: Any, home: str, name: str) -> Any:
    """The value of a name: ours, else that of SciPy's module, or distribution, ``home``.

    Raises:
        AttributeError: if SciPy lacks the name, or is not installed.
    """
    if hasattr(ours, name):
        return getattr(ours, name)
    try:
        return getattr(_of_scipy(home), name)
    except ModuleNotFoundError:
        raise AttributeError(
            f"{home}.{name}: SciPy is not installed: run pip install 'funcgrad[scipy]'", name=name
        ) from None


def _of_scipy(path: str) -> Any:
    """A module ``scipy.x``, or the value ``scipy.x.y``."""
    home, _, kind = path.removeprefix("scipy.").partition(".")
    module = load(f"scipy.{home}")
    return getattr(module, kind) if kind else module

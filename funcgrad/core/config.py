"""Settings of the library, which a ``with`` block may change for the code in it.

They are kept in a context variable: a thread or task does not see the settings of another.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .blocks import Block
from .errors import shown

BACKENDS = ("numpy", "c", "auto", "jax")
VARIABLE = "FUNCGRAD_BACKEND"


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """The settings and their defaults.

    Args:
        jit_cache_size: how many programs a compiled function keeps, and how many derived ones
            (of ``grad``, ``vmap``) each of them; beyond, the least recently used is dropped.
        jit_workspace_bytes: how much memory the idle workspaces of a compiled function may take;
            beyond, the programs least recently used give theirs back.
        c_cache_bytes: how much space the shared objects of compiled C may take on disk; beyond,
            the least recently used are deleted; 0 keeps none.
        backend: of ``jit`` where it is given none: "numpy", "c", "auto" or "jax". The environment
            variable ``FUNCGRAD_BACKEND`` gives another default.
    """

    jit_cache_size: int = 512
    jit_workspace_bytes: int = 2**30
    c_cache_bytes: int = 2**28
    backend: str = "numpy"

    def __post_init__(self) -> None:
        for name, least in (("jit_cache_size", 1), ("jit_workspace_bytes", 0),
                            ("c_cache_bytes", 0)):  # fmt: skip
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(f"config: {name} must be an integer >= {least}: got {value!r}")
        checked_backend("config: backend", self.backend)


def checked_backend(who: str, name: Any) -> str:
    """The name of a backend.

    Raises:
        ValueError: if there is none of this name.
    """
    if type(name) is not str or name not in BACKENDS:
        raise ValueError(
            f"{who} must be 'numpy', 'c', 'auto' or 'jax': got {shown(name)}; write backend='numpy'"
        )
    return name


def _from_environment() -> Settings:
    """The defaults, with the backend that the environment names."""
    name = os.environ.get(VARIABLE)
    return Settings(backend=checked_backend(f"config: {VARIABLE}", name)) if name else Settings()


current: ContextVar[Settings] = ContextVar("settings", default=_from_environment())  # noqa: B039


class Config:
    """Settings: ``config.name`` reads one, ``with config(name=value):`` sets some for a block.

    >>> import funcgrad as fg
    >>> with fg.config(jit_cache_size=8):
    ...     print(fg.config.jit_cache_size)
    8
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(current.get(), name)
        except AttributeError:
            raise AttributeError(f"config: {_unknown(name)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"config: a setting holds for a block: got config.{name} = {shown(value)}; write "
            f"with funcgrad.config({name}={shown(value)}):"
        )

    def __call__(self, *others: Any, **changes: Any) -> Block:
        """Change settings in a ``with`` block."""
        if others:
            raise TypeError(
                f"config: a setting has a name: got {shown(others[0])}; write "
                f"with funcgrad.config(name=value):"
            )
        for name in changes:
            if name not in _names():
                raise TypeError(f"config: {_unknown(name)}")
        dataclasses.replace(current.get(), **changes)  # raises for a value that is none
        return Block("funcgrad.config", lambda: _changed(changes))

    def __dir__(self) -> list[str]:
        return _names()

    def __repr__(self) -> str:
        return repr(current.get()).replace("Settings", "config")


@contextmanager
def _changed(changes: Mapping[str, Any]) -> Iterator[None]:
    token = current.set(dataclasses.replace(current.get(), **changes))
    try:
        yield
    finally:
        current.reset(token)


def _names() -> list[str]:
    return [field.name for field in dataclasses.fields(Settings)]


def _unknown(name: str) -> str:
    return (
        f"there is no setting {name!r}: there are {', '.join(_names())}; write "
        f"with funcgrad.config(name=value):"
    )


config = Config()

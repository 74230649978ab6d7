"""Distributions, each also as a module: ``import ...scipy.stats.norm as norm``."""

import sys
from types import ModuleType
from typing import Any

from ....core.registry import load
from ....scipy import stats as ours
from .names import found

__path__: list[str] = []  # a package, whose modules are made below


class Distribution(ModuleType):
    """A module with the functions of a distribution: ours, and SciPy's for what we lack."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        kind = self.__name__.rpartition(".")[2]
        return found(getattr(ours, kind, None), f"scipy.stats.{kind}", name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        kind = self.__name__.rpartition(".")[2]
        return getattr(load("scipy.stats"), kind)(*args, **kwargs)


def _distribution(kind: str) -> ModuleType:
    name = f"{__name__}.{kind}"
    return sys.modules.setdefault(name, Distribution(name))


beta, chi2, dirichlet, gamma, multivariate_normal, norm, poisson, t = map(
    _distribution,
    ("beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"),
)


def __getattr__(name: str) -> Any:
    return found(ours, "scipy.stats", name)

"""Which names of other libraries are here, by namespace: the table of README.

    python -m tests.support.namespaces

A name counts where a module of ours has it, or where the table of ``funcgrad/peers`` names its
counterpart. Public functions and classes are counted, without exceptions and modules; of torch.nn,
whose names are those of layers, the functional ones alone. Of NumPy a name counts that
``python -m funcgrad coverage`` does not list as refused or absent.
"""

import functools
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np

import funcgrad as fg
from funcgrad.core.missing import counterpart
from funcgrad.numpy import coverage

# fmt: off
SPACES = [
    "numpy", "numpy.linalg", "numpy.fft", "scipy.special", "scipy.linalg", "scipy.stats",
    "scipy.integrate", "scipy.interpolate", "scipy.optimize", "scipy.signal", "scipy.ndimage",
    "scipy.fft", "scipy.sparse.linalg", "jax.numpy", "jax.numpy.linalg", "jax.numpy.fft",
    "jax.lax", "jax.nn", "jax.nn.initializers", "jax.random", "jax.tree", "jax.scipy.special",
    "jax.scipy.linalg", "jax.scipy.integrate", "jax.scipy.optimize", "jax.scipy.signal",
    "autograd", "autograd.numpy", "autograd.numpy.linalg", "autograd.scipy.special",
    "torch.special", "torch.linalg", "torch.fft", "torch.func", "torch.nn.functional",
    "torch.nn.init",
]
# fmt: on
OF_AUTOGRAD = {  # its tools, in its modules
    "defjvp",
    "defvjp",
    "primitive",
    "fwd_grad_logsumexp",
    "make_gammainc_vjp_arg1",
    "make_grad_logsumexp",
    "repeat_to_match_shape",
    "unbroadcast_f",
}  # fmt: skip


def names_of(space: str) -> Iterator[str]:
    """Public names of a module that are called."""
    module = importlib.import_module(space)
    for name in sorted(set(getattr(module, "__all__", None) or dir(module))):
        value = getattr(module, name, None)
        if name.startswith("_") or isinstance(value, ModuleType) or not callable(value):
            continue
        if isinstance(value, type) and issubclass(value, BaseException):
            continue
        yield name


@functools.cache
def refused() -> set[str]:
    """Names of NumPy that traced arrays may not meet."""
    return {row.name for row in coverage.rows() if row.status.startswith("refused")}


def has(space: str, name: str) -> bool:
    """Whether ours has this name, or a counterpart."""
    path = f"{space}.{name}"
    if space.split(".")[0] == "numpy":
        ours = fg.numpy if space == "numpy" else getattr(fg.numpy, space.split(".")[1])
        return getattr(ours, name, None) is not None and path not in refused()
    found = counterpart(path)
    if found is None and space.startswith(("jax.numpy", "autograd.numpy")):
        home = fg.numpy if space.count(".") == 1 else getattr(fg.numpy, space.split(".")[2])
        return getattr(home, name, None) is not None
    return found is not None and found.ours is not None


def counted(space: str) -> tuple[list[str], list[str]]:
    """Names that are here, and names that are not."""
    names = [n for n in names_of(space) if n not in OF_AUTOGRAD]
    names = names or [n for n in dir(importlib.import_module(space)) if n[0] != "_"]
    if space.startswith("autograd"):  # its modules import NumPy's and SciPy's functions
        module = importlib.import_module(space)
        names = [n for n in names if not isinstance(getattr(module, n), type)]
    here = [n for n in names if has(space, n)]
    return here, [n for n in names if n not in here]


def table(spaces: list[str]) -> str:
    """The table in Markdown, a row for each library that is installed."""
    found: dict[str, list[str]] = {}
    for space in spaces:
        try:
            here, missing = counted(space)
        except ImportError:
            continue
        total = len(here) + len(missing)
        cell = f"`{space}` {len(here)} of {total}"
        found.setdefault(space.split(".")[0], []).append(cell)
    lines = ["| library | names that are here, of all |", "| --- | --- |"]
    return "\n".join([*lines, *[f"| {k} | {', '.join(v)} |" for k, v in found.items()]])


if __name__ == "__main__":
    np.seterr(all="ignore")
    if sys.argv[1:]:
        for given in sys.argv[1:]:
            print(given, "lacks", " ".join(counted(given)[1]))
    else:
        print(table(SPACES))

"""Programs that XLA compiles and runs: the backend "jax" of jit.

A program without masks runs first, as with NumPy's source. It also gives a code of its faults: a
derivative that is not finite runs again with masks, other faults are NumPy's errors.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from ..compile.finite_checks import masked_program
from ..compile.mask_marks import has_marks
from ..compile.program import first_passed
from ..compile.source import Source
from ..core.jaxpr import Jaxpr
from ..transforms.jaxprs import in_avals
from ..transforms.jit.placement import Placement
from .masks import plain
from .replay import FAULTS, Faults, elementary, run


class JaxProgram:
    """A compiled program: ``main`` takes arrays, and gives a tuple of new NumPy arrays or scalars.

    Args:
        jaxpr: a program without constants.
        name: the name of the function.
        placement: the device and the shardings.
    """

    note = ""
    arena = 0  # XLA holds no memory between calls

    def __init__(self, jaxpr: Jaxpr, name: str, placement: Placement | None = None) -> None:
        self.jaxpr, self.name = jaxpr, name
        self.placement = placement or Placement()
        self.weak = [v.aval.weak for v in jaxpr.outvars]  # Python scalars
        self.swapped = any(not a.dtype.isnative for a in in_avals(jaxpr))
        self.processes = jax.process_count()
        program = elementary(first_passed(jaxpr))

        def replayed(*xs: Any) -> tuple[list[Any], Any]:
            faults = Faults(kept=True)
            outs = run(program, xs, faults)
            return outs, faults.code() if faults.found else None

        replayed.__name__ = name if name.isidentifier() else "program"
        self.run = jax.jit(replayed, **self._shardings())

    def _shardings(self) -> dict[str, Any]:
        """The options of ``jax.jit``; the code of faults has no sharding of its own."""
        _, ins, outs = self.placement
        found = {} if ins is None else {"in_shardings": tuple(ins)}
        return found if outs is None else {**found, "out_shardings": (outs, None)}

    @functools.cached_property
    def device(self) -> Any:
        """The device, or None for JAX's default."""
        device = self.placement.device
        return jax.devices(device)[0] if isinstance(device, str) else device

    def main(self, *args: Any) -> tuple[Any, ...]:
        """Run on arrays.

        Raises:
            IndexError: if an index is out of range.
            LinAlgError: if a matrix is singular, or not positive definite.
            ValueError: if an integer has a negative integer power.
        """
        if self.swapped:  # JAX takes native byte order alone
            args = tuple([np.asarray(x, np.asarray(x).dtype.newbyteorder("=")) for x in args])
        with jax.enable_x64(True), jax.default_device(self.device):
            if self.processes > 1 and self.placement.in_shardings is not None:
                args = tuple(map(_split, args, self.placement.in_shardings))
            outs, code = self.run(*args)
            found = 0 if code is None else int(code)
            if self.processes > 1:
                outs = list(map(_joined, outs))
        if found:
            return self._after(found, args)
        return tuple([_numpy(y, weak) for y, weak in zip(outs, self.weak, strict=True)])

    __call__ = main

    def _after(self, code: int, args: Sequence[Any]) -> tuple[Any, ...]:
        """What follows a fault."""
        if code == FAULTS["not finite"]:
            return self.masked(*args)
        outs = self.jaxpr.run(*args)  # NumPy raises its own error, which names the index
        return tuple([np.array(y) if isinstance(y, np.ndarray) else y for y in outs])

    @functools.cached_property
    def masked(self) -> "JaxProgram":
        """The program with masks."""
        return JaxProgram(masked_program(self.jaxpr), f"{self.name}_masked", self.placement)

    @property
    def source(self) -> Source:
        """StableHLO in the place of NumPy source; XLA plans the memory."""
        avals = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in in_avals(self.jaxpr)]
        with jax.enable_x64(True):
            text = self.run.lower(*avals).as_text()
        return Source(text, (), 0, (), self.name, "", len(text), (), False)

    def trim(self) -> None:
        """Free nothing: see ``arena``."""

    def __reduce__(self) -> Any:
        return JaxProgram, (self.jaxpr, self.name, self.placement)


def stablehlo(jaxpr: Jaxpr, name: str) -> str:
    """The text of a program with all its inputs, and without the code of faults.

    Args:
        jaxpr: a program whose constants are equations.
        name: the name of the function.
    """
    function = plain(masked_program(jaxpr) if has_marks(jaxpr) else jaxpr)
    made = lambda *xs: function(xs)
    made.__name__ = name if name.isidentifier() else "program"
    avals = [jax.ShapeDtypeStruct(a.shape, a.dtype.newbyteorder("=")) for a in in_avals(jaxpr)]
    with jax.enable_x64(True):
        return jax.jit(made, keep_unused=True).lower(*avals).as_text()  # type: ignore[no-any-return]


def _split(x: Any, sharding: Any) -> Any:
    """An argument, which all processes have, as an array whose parts lie on their devices."""
    if sharding is None or sharding.is_fully_replicated:
        return x  # JAX takes it
    x = np.asarray(x)
    return jax.make_array_from_callback(x.shape, sharding, lambda part: x[part])


def _joined(y: Any) -> Any:
    """A result as an array of which each process has the whole."""
    if y.is_fully_addressable or y.is_fully_replicated:
        return y
    return multihost_utils.process_allgather(y, tiled=True)


def _numpy(y: Any, weak: bool) -> Any:
    """A result as NumPy's source gives it: an array, a scalar of NumPy, or a Python scalar."""
    if y.ndim:
        return np.array(y)
    return y.item() if weak else np.asarray(y)[()]

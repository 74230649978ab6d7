"""Programs that XLA compiles and runs: the backend "jax" of jit.

A program without masks runs first, as with NumPy's source. It also gives a code of its faults: a
derivative that is not finite runs again with masks, other faults are NumPy's errors.
"""

import functools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from ..compile.finite_checks import masked_program
from ..compile.mask_marks import has_marks
from ..compile.program import first_passed
from ..compile.source import Source
from ..core.avals import Aval
from ..core.jaxpr import Jaxpr
from ..transforms.jaxprs import in_avals
from ..transforms.jit.placement import Placement
from .masks import plain
from .replay import FAULTS, Faults, elementary, run

SMALL = 2**16  # bytes


class JaxProgram:
    """A compiled program: ``main`` takes arrays, and gives a tuple of new NumPy arrays or scalars.

    Args:
        jaxpr: a program without constants.
        name: the name of the function.
        placement: the device and the shardings.
        constants: known values of the first inputs. Small ones are part of the program; the others
            stay on the device.
    """

    note = ""
    arena = 0  # XLA holds no memory between calls

    def __init__(
        self,
        jaxpr: Jaxpr,
        name: str,
        placement: Placement | None = None,
        constants: Sequence[Any] = (),
    ) -> None:
        self.jaxpr, self.name = jaxpr, name
        # the processes of a sharded program take equal arguments, and no array of one device
        arrays = jax.process_count() == 1 and all(type(x) is np.ndarray for x in constants)
        self.constants = tuple(map(_native, constants)) if arrays else ()
        self.placement = placement or Placement()
        self.converters = [_converter(v.aval) for v in jaxpr.outvars]
        self.swapped = any(not a.dtype.isnative for a in in_avals(jaxpr))
        self.processes = jax.process_count()
        program, constants = elementary(first_passed(jaxpr)), self.constants

        def replayed(*xs: Any) -> tuple[list[Any], Any]:
            faults, rest = Faults(kept=True), iter(xs)
            known = [x if _is_small(x) else next(rest) for x in constants]
            outs = run(program, [*known, *rest], faults)
            return outs, faults.code() if faults.found else None

        replayed.__name__ = name if name.isidentifier() else "program"
        self.run = jax.jit(replayed, **self._shardings())

    def _shardings(self) -> dict[str, Any]:
        """The options of ``jax.jit``; the code of faults has no sharding of its own."""
        _, ins, outs = self.placement
        found = {} if ins is None else {"in_shardings": tuple(self._without_small(ins))}
        return found if outs is None else {**found, "out_shardings": (outs, None)}

    def _without_small(self, inputs: Sequence[Any]) -> list[Any]:
        """Of things that belong to the inputs, those whose input is no part of the program."""
        n = len(self.constants)
        pairs = zip(inputs[:n], self.constants, strict=True)
        return [*(x for x, c in pairs if not _is_small(c)), *inputs[n:]]

    @functools.cached_property
    def placed(self) -> list[Any]:
        """The large constants, on the device."""
        return list(map(jax.device_put, self._without_small(self.constants)))

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
        if self.swapped:
            args = tuple(map(_native, args))
        here = nullcontext() if self.device is None else jax.default_device(self.device)
        with jax.enable_x64(True), here:
            if self.processes > 1 and self.placement.in_shardings is not None:
                args = tuple(map(_split, args, self.placement.in_shardings))
            n = len(self.constants)
            outs, code = self.run(*self.placed, *args[n:]) if n else self.run(*args)
            found = 0 if code is None else int(np.asarray(code))  # int(code) takes 14 us more
            if self.processes > 1:
                outs = list(map(_joined, outs))
        if found:
            return self._after(found, args)
        return tuple([convert(y) for convert, y in zip(self.converters, outs, strict=True)])

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
        program, name = masked_program(self.jaxpr), f"{self.name}_masked"
        return JaxProgram(program, name, self.placement, self.constants)

    @property
    def source(self) -> Source:
        """StableHLO in the place of NumPy source; XLA plans the memory."""
        avals = self._without_small(in_avals(self.jaxpr))
        avals = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals]
        with jax.enable_x64(True):
            text = self.run.lower(*avals).as_text()
        return Source(text, (), 0, (), self.name, "", len(text), (), False)

    def trim(self) -> None:
        """Free nothing: see ``arena``."""

    def __reduce__(self) -> Any:
        return JaxProgram, (self.jaxpr, self.name, self.placement, self.constants)


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


def _is_small(x: np.ndarray) -> bool:
    """Whether a constant is written in the program."""
    return x.nbytes <= SMALL


def _native(x: Any) -> np.ndarray:
    """An array in native byte order, which alone JAX takes."""
    x = np.asarray(x)
    return x.astype(x.dtype.newbyteorder("="), copy=False)


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


def _converter(aval: Aval) -> Callable[[Any], Any]:
    """From a result to that of NumPy's source: an array, a scalar of NumPy, or a Python scalar."""
    if aval.shape:
        return np.array
    return (lambda y: np.asarray(y).item()) if aval.weak else (lambda y: np.asarray(y)[()])

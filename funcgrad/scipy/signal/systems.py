"""Linear systems as objects, which are trees of their arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import ShapeError
from ...core.lazy import answering
from ...core.nodes import register_node
from ...core.outline import outline
from ...ops.operand import operand
from ..floating import as_floating
from . import frequency_responses as waves, representations as rep, time_responses as times
from .discretisation import cont2discrete


class LinearSystem:
    """A linear system: arrays by name, and ``dt``, the step of a discrete one."""

    names: tuple[str, ...] = ()
    dt: Any

    def __init__(self, *arrays: Any, dt: Any = None) -> None:
        if len(arrays) == 1 and isinstance(arrays[0], LinearSystem):
            dt = arrays[0].dt if dt is None else dt
            arrays = self._of(arrays[0])
        if len(arrays) != len(self.names):
            raise ShapeError(
                f"{type(self).__name__}: the arrays must be {', '.join(self.names)}: got "
                f"{len(arrays)} arguments"
            )
        self.dt = dt
        for name, x in zip(self.names, self._checked(*arrays), strict=True):
            setattr(self, name, x)

    def _of(self, other: "LinearSystem") -> tuple[Any, ...]:
        raise TypeError(f"{type(self).__name__}: it is made of arrays: got {type(other).__name__}")

    def _checked(self, *arrays: Any) -> tuple[Any, ...]:
        return arrays

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [(name, getattr(self, name)) for name in self.names]

    __repr__ = outline

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The arrays of the representation, in order."""
        return tuple(getattr(self, name) for name in self.names)

    def to_ss(self) -> "StateSpace":
        """The system as a state space."""
        return StateSpace(self)

    def to_tf(self) -> "TransferFunction":
        """The system as a transfer function."""
        return TransferFunction(self)

    def to_zpk(self) -> "ZerosPolesGain":
        """The system as zeros, poles and gain."""
        return ZerosPolesGain(self)

    def to_discrete(self, dt: Any, method: str = "zoh", alpha: Any = None) -> "LinearSystem":
        """The system of differences; see :func:`cont2discrete`."""
        return type(self)(*cont2discrete(self.arrays, dt, method, alpha)[:-1], dt=dt)

    def impulse(self, *args: Any, **options: Any) -> Any:
        """The response to an impulse; see :func:`impulse` and :func:`dimpulse`."""
        return (times.impulse if self.dt is None else times.dimpulse)(self, *args, **options)

    def step(self, *args: Any, **options: Any) -> Any:
        """The response to a step; see :func:`step` and :func:`dstep`."""
        return (times.step if self.dt is None else times.dstep)(self, *args, **options)

    def output(self, u: Any, t: Any, *args: Any, **options: Any) -> Any:
        """The response to an input; see :func:`lsim` and :func:`dlsim`."""
        return (times.lsim if self.dt is None else times.dlsim)(self, u, t, *args, **options)

    def freqresp(self, *args: Any, **options: Any) -> Any:
        """The response to frequencies; see :func:`freqresp` and :func:`dfreqresp`."""
        return (waves.freqresp if self.dt is None else waves.dfreqresp)(self, *args, **options)

    def bode(self, *args: Any, **options: Any) -> Any:
        """Magnitude and phase; see :func:`bode` and :func:`dbode`."""
        return (waves.bode if self.dt is None else waves.dbode)(self, *args, **options)


@answering
class StateSpace(LinearSystem):
    """The system x' = A x + B u, y = C x + D u, or of differences if ``dt`` is given.

    Args:
        A, B, C, D: see :func:`abcd_normalize`; or another system.
        dt: the step of a discrete system.

    >>> print(StateSpace(TransferFunction(np.array([1.0]), np.array([1.0, 2.0]))).A)
    [[-2.]]
    """

    names = ("A", "B", "C", "D")

    def _of(self, other: LinearSystem) -> tuple[Any, ...]:
        if isinstance(other, StateSpace):
            return other.arrays
        return rep.tf2ss(*TransferFunction(other).arrays)

    def _checked(self, *arrays: Any) -> tuple[Any, ...]:
        return tuple(rep.abcd_normalize(*arrays))


@answering
class TransferFunction(LinearSystem):
    """The system with a ratio of polynomials, the highest power first.

    Args:
        num, den: numerator and denominator; or another system.
        dt: the step of a discrete system.

    >>> print(TransferFunction(StateSpace(-np.eye(1), np.eye(1), np.eye(1), np.zeros((1, 1)))).den)
    [1. 1.]
    """

    names = ("num", "den")

    def _of(self, other: LinearSystem) -> tuple[Any, ...]:
        if isinstance(other, StateSpace):
            return rep.ss2tf(*other.arrays)
        return other.arrays if isinstance(other, TransferFunction) else rep.zpk2tf(*other.arrays)

    def _checked(self, *arrays: Any) -> tuple[Any, ...]:
        return rep.normalize(*arrays)


@answering
class ZerosPolesGain(LinearSystem):
    """The system with given zeros, poles and gain.

    Args:
        zeros, poles, gain: arrays and a number; or another system.
        dt: the step of a discrete system.

    >>> print(ZerosPolesGain(TransferFunction(np.array([1.0, 3.0]), np.array([1.0, 2.0]))).zeros)
    [-3.]
    """

    names = ("zeros", "poles", "gain")

    def _of(self, other: LinearSystem) -> tuple[Any, ...]:
        if isinstance(other, ZerosPolesGain):
            return other.arrays
        return rep.tf2zpk(*TransferFunction(other).arrays)

    def _checked(self, *arrays: Any) -> tuple[Any, ...]:
        z, p, k = arrays
        return np.atleast_1d(as_floating(z)), np.atleast_1d(as_floating(p)), operand(k)


_KINDS: dict[int, type[LinearSystem]] = {2: TransferFunction, 3: ZerosPolesGain, 4: StateSpace}


def _made(kind: type[LinearSystem]) -> Callable[..., LinearSystem]:
    def rebuild(_: None, children: Any) -> LinearSystem:
        made = kind.__new__(kind)
        *arrays, made.dt = children
        for name, x in zip(kind.names, arrays, strict=True):
            setattr(made, name, x)
        return made

    return rebuild


for _kind in _KINDS.values():
    register_node(_kind, lambda s: ((*s.arrays, s.dt), None), _made(_kind))


@answering
def lti(*system: Any) -> LinearSystem:
    """A continuous system of 2, 3 or 4 arrays; see :class:`TransferFunction` and others.

    >>> print(type(lti(np.array([1.0]), np.array([1.0, 2.0]))).__name__)
    TransferFunction
    """
    return _system("lti", system, None)


@answering
def dlti(*system: Any, dt: Any = True) -> LinearSystem:
    """A discrete system of 2, 3 or 4 arrays, with its step.

    >>> print(dlti(np.array([1.0]), np.array([1.0, 0.5]), dt=0.1).dt)
    0.1
    """
    return _system("dlti", system, dt)


def _system(who: str, system: Any, dt: Any) -> LinearSystem:
    if isinstance(system, LinearSystem):
        return system
    if len(system) not in _KINDS:
        raise ShapeError(f"{who}: a system must have 2, 3 or 4 arrays: got {len(system)}")
    return _KINDS[len(system)](*system, dt=dt)

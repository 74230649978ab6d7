"""``jax.errors``: this library's errors by JAX's names, and those that are raised nowhere."""

from ...core.errors import ConcretizationError, ConversionError, LeakedTracerError

ConcretizationTypeError = TracerBoolConversionError = ConcretizationError
NonConcreteBooleanIndexError = TracerIntegerConversionError = ConcretizationError
TracerArrayConversionError = ConversionError
UnexpectedTracerError = LeakedTracerError
JAXTypeError, JAXIndexError = TypeError, IndexError


class JaxRuntimeError(RuntimeError):
    """An error of XLA, of which there is none."""


class KeyReuseError(RuntimeError):
    """A second use of a key, which is not checked."""


class JaxprTypeError(TypeError):
    """A program whose types are wrong."""


class InconclusiveDimensionOperation(Exception):  # noqa: N818, of JAX
    """A comparison of symbolic lengths, of which there are none."""

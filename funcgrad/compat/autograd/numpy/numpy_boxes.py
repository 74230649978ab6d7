"""The class by which programs ask whether a value is traced."""

from ..tracer import Box


class ArrayBox(Box):
    """The class of which ``isinstance`` says that traced arrays are instances."""

    of_arrays = True

"""Type variables of functions that take functions."""

from typing import ParamSpec, TypeVar

P = ParamSpec("P")  # the parameters of a function
Q = ParamSpec("Q")  # the parameters of a method, without self
R = TypeVar("R")  # the result
X = TypeVar("X")  # the auxiliary result

"""The vector spaces of arrays."""

from ..vspaces import ArrayVSpace as ArrayVSpace, ComplexArrayVSpace as ComplexArrayVSpace

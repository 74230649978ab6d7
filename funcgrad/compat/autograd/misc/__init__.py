"""Flat vectors of trees, optimizers, fixed points, graphs."""

from ....core.lazy import publish as _publish
from .flatten import flatten as flatten
from .tracers import const_graph as const_graph

_publish(__name__)

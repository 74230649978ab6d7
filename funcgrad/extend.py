"""Base classes and functions for primitives of your own.

An elementwise primitive is one line: its name, the function, and for each operand a linear map
from a tangent ``t``, the result ``y`` and the operands ``*xs`` to a tangent. It works in both modes
and under every transform. If the function is a ufunc, calls of the ufunc are dispatched to it.

>>> import math, numpy as np, funcgrad as fg
>>> normal = Elementwise("normal", np.vectorize(lambda x: 0.5 * math.erfc(-x / 2**0.5), [float]),
...                      lambda t, y, x: t * np.exp(-x * x / 2) / math.sqrt(2 * math.pi))
>>> fg.vmap(fg.grad(normal))(np.array([0.0, 1.0])).round(4)
array([0.3989, 0.242 ])

Any other primitive is a class whose methods are its rules. Results are tuples, parameters keywords.
A rule must not write to its operands, because derivatives read them again, and returns new arrays.

>>> class Cumlogsumexp(Primitive):
...     def run(self, x, *, axis): return (np.logaddexp.accumulate(x, axis),)
...     def infer(self, x, *, axis): return (x,)
...     def jvp(self, primals, tangents, outs, *, axis):
...         weighted = tangents[0] * np.exp(primals[0])
...         return (np.cumsum(weighted, axis) * np.exp(-outs[0]),)
...     def batch(self, args, axes, size, /, *, axis):
...         return self.bind(np.moveaxis(args[0], axes[0], 0), axis=axis + 1), (0,)
>>> cumlogsumexp = Cumlogsumexp("cumlogsumexp")
>>> fg.grad(lambda x: cumlogsumexp(x, axis=0)[-1])(np.zeros(4))
array([0.25, 0.25, 0.25, 0.25])

Reverse mode transposes the ``jvp``; a ``vjp`` of its own can be faster: ``(cts, needs, outs, ins,
**params) -> cts``. ``by_loop`` is a ``batch`` rule for a function of single examples.

A writer or engine that has no code for a primitive replaces it by its ``decompose(*xs, **params)
-> outs``: the same outputs from arrays or tracers, made of NumPy's functions and of primitives.
``Elementwise`` takes it as a keyword, a function with one output. ``fg.sparse.pattern`` takes the
pattern of these operations; of a primitive without them every result depends on all operands.
"""

from .core.avals import Aval as Aval, aval_of as aval_of
from .core.lazy import publish as _publish
from .ops.families import Elementwise as Elementwise
from .ops.own import Primitive as Primitive
from .ops.reduce import Reduction as Reduction
from .ops.structure import Linear as Linear
from .transforms.batching import by_loop as by_loop
from .transforms.checking import check_grads as check_grads

_publish(__name__)

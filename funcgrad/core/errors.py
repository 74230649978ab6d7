"""The errors a user can cause, one class for each concept.

Each class is a subclass of the builtin that a NumPy user expects, so that ``except ValueError``
keeps working. Each docstring shows code that fails and its fix.
"""

from typing import Any

from .lazy import publish as _publish

__all__ = [
    "AxisNameError", "ClosureError", "ConcretizationError", "ConversionError", "DtypeError",
    "FuncgradError", "LeakedTracerError", "MemoryLimitError", "MissingAttributeError",
    "MissingDerivativeError", "MissingRuleError", "MutatedError", "MutationError", "NanError",
    "NestingError", "NonScalarError", "ShapeError", "TrainingWarning", "TreeError",
    "UninitializedError", "UnsupportedError", "UntakenWarning",
]  # fmt: skip


def short(text: str, limit: int = 500) -> str:
    """Replace the middle of a long text by the number of characters left out.

    >>> short("a" * 1000, 50)
    'aaaaaaaaaaaaaaaa ... 968 characters ... aaaaaaaaaaaaaaaa'
    """
    if len(text) <= limit:
        return text
    part = limit // 3
    return f"{text[:part]} ... {len(text) - 2 * part:,} characters ... {text[-part:]}"


def shown(x: object) -> str:
    """The repr of a user object for a message: of limited length, and it never raises."""
    try:
        return short(repr(x))
    except Exception:  # one that fails, or is nested too deep
        return f"a {type(x).__name__}"


class FuncgradError(Exception):
    """The base of every error the library raises on purpose.

    >>> import numpy as np, funcgrad as fg
    >>> try:
    ...     fg.grad(np.sin)(np.ones(2))
    ... except fg.errors.FuncgradError as err:
    ...     print(err)
    grad: the output must be a scalar: got f64[2]; reduce it by sum or mean

    A message names the function, the fault, the value that came, and one cure. User exceptions
    pass through unchanged.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*[short(x, 3000) if type(x) is str else x for x in args])


class ShapeError(FuncgradError, ValueError):
    """Shapes that do not fit together.

    >>> import numpy as np, funcgrad as fg
    >>> fg.grad(lambda x: np.sum(x + np.ones(2)))(np.ones(3))
    Traceback (most recent call last):
    funcgrad.core.errors.ShapeError: add: the shapes do not broadcast: got f64[3] and f64[2]; ...

    The fix is to give one operand an axis of length 1, or none, where the other has one.
    """


class NonScalarError(ShapeError, TypeError):
    """The gradient of a function whose output is not a scalar.

    >>> import numpy as np, funcgrad as fg
    >>> fg.grad(np.sin)(np.ones(3))
    Traceback (most recent call last):
    funcgrad.core.errors.NonScalarError: grad: the output must be a scalar: got f64[3]; ...

    A gradient has one number for each element of the argument, so the output must be one number.
    The fix is ``grad(lambda x: np.sin(x).sum())``, or ``vjp`` or ``jacobian`` for other outputs.
    """


class DtypeError(FuncgradError, TypeError):
    """A dtype that an operation cannot take.

    >>> import funcgrad as fg
    >>> fg.grad(lambda x: x**2)(3)
    Traceback (most recent call last):
    funcgrad.core.errors.DtypeError: grad: argument 0 ('x') must be real or complex ...; write 3.0

    Integers have no small changes, and so no derivative. The fix is ``fg.grad(f)(3.0)``, or
    ``x.astype(float)`` for an array.
    """


class TreeError(FuncgradError, ValueError):
    """Trees whose structures differ and should be equal.

    >>> from funcgrad import optim
    >>> opt = optim.sgd(0.1)
    >>> opt.update({"w": 1.0}, opt.init({"w": 2.0, "b": 0.0}), {"w": 2.0, "b": 0.0})
    Traceback (most recent call last):
    funcgrad.core.errors.TreeError: sgd: the gradients and the parameters: the trees differ at ...

    Leaves are matched by their place, so both trees need the same containers and keys. The message
    names the first path that differs. The fix is the gradient with respect to all parameters.
    """


class ConversionError(FuncgradError, TypeError):
    """The conversion of a traced value to plain data, which carries no derivative.

    >>> import numpy as np, funcgrad as fg
    >>> fg.grad(lambda x: np.sum(np.array([x, 1.0])))(2.0)
    Traceback (most recent call last):
    funcgrad.core.errors.ConversionError: NumPy conversion: a traced value cannot become plain ...

    ``np.array`` and ``float`` would return a number, and the gradient would be 0 without a word.
    The fix is the function that the message names, here ``fg.numpy.array``. ``stop_gradient(x)``
    drops the derivative on purpose.
    """

    writes: bool = False  # whether an ndarray was to hold the value

    def __init__(self, *args: object, aval: Any = "a traced value") -> None:
        super().__init__(*args)
        self.aval = aval  # of the value that was converted


class ConcretizationError(ConversionError):
    """The conversion to a Python scalar of a value of which only shape and dtype are known.

    >>> import funcgrad as fg
    >>> fg.jit(lambda x: x if x > 0 else -x)(1.0)
    Traceback (most recent call last):
    funcgrad.core.errors.ConcretizationError: bool(), as in `if x:` or `while x:`: the value ...

    ``jit`` runs a function once, without values, and compiles both ways it could go. The fix is
    ``np.where(x > 0, x, -x)`` or ``lax.cond``; for a size or a switch, ``static_argnums``.
    """


class MutationError(FuncgradError, TypeError):
    """A write in place of traced values into an array that cannot hold them.

    >>> import numpy as np, funcgrad as fg
    >>> total = np.zeros(3)
    >>> fg.grad(lambda x: np.sum(np.add(total, x, out=total)))(1.0)
    Traceback (most recent call last):
    funcgrad.core.errors.OutError: numpy.add: out= would write traced values into an ndarray, ...

    The memory of an ndarray holds numbers alone. The fix is a new array, ``total + x``, or one that
    is made for traced values: ``np.zeros(3, like=x)``.
    """


class OutError(MutationError):
    """A result with traced values that ``out=`` would write into an ndarray.

    >>> import numpy as np, funcgrad as fg
    >>> fg.grad(lambda x: np.sin(x, out=np.empty(2)).sum())(np.ones(2))
    Traceback (most recent call last):
    funcgrad.core.errors.OutError: numpy.sin: out= would write traced values into an ndarray, ...

    The fix is ``a = np.sin(x)``, or memory for traced values, ``out=np.empty_like(x)``.
    """

    out: Any = None  # rules raise it for any array; the caller writes into a traced one


class MutatedError(FuncgradError, ValueError):
    """A large array changed in place after an operation had read it for a derivative.

    The backward pass reads it again, and the derivative would be wrong. Arrays up to 256 kB are
    copied, and may be changed.

    >>> import numpy as np, funcgrad as fg
    >>> def loss(w, buffer=np.ones(50_000)):
    ...     total = np.sum(w * buffer)
    ...     buffer[:] = 2.0
    ...     return total
    >>> fg.grad(loss)(np.ones(50_000))
    Traceback (most recent call last):
    funcgrad.core.errors.MutatedError: grad of 'loss' ...: an array was changed ...

    The fix is to write ``buffer = np.full(50_000, 2.0)``, a new array.
    """

    array: Any = None  # the changed one
    words: tuple[str, str] = ("", "")  # the message before and after the name of the argument


class UnsupportedError(FuncgradError, TypeError):
    """A NumPy function, or an option of one, that traced values cannot take.

    >>> import numpy as np, funcgrad as fg
    >>> fg.grad(lambda x: np.sum(x * np.array([1.0, None])))(2.0)
    Traceback (most recent call last):
    funcgrad.core.errors.UnsupportedError: operand: an array of Python objects has no ...

    It has no derivative, or none that is defined yet. The fix is the function that the message
    names, or to compute it outside of the traced function.
    """


class MissingAttributeError(FuncgradError, AttributeError):
    """An ndarray attribute that describes memory, read from a traced array.

    >>> import numpy as np, funcgrad as fg
    >>> fg.jit(lambda x: x * x.strides[0])(np.ones(3))
    Traceback (most recent call last):
    funcgrad.core.errors.MissingAttributeError: ndarray.strides: a traced array has no memory of ...

    A traced array is a variable of a program, whose memory the compiler chooses. The fix is to read
    it from the ndarray outside; ``hasattr(x, "strides")`` is false inside.
    """


class MissingRuleError(FuncgradError, NotImplementedError):
    """A function or primitive without the rule that a transform needs.

    >>> import funcgrad as fg
    >>> square = fg.custom_jvp(lambda x: x * x)
    >>> fg.grad(square)(3.0)
    Traceback (most recent call last):
    funcgrad.core.errors.MissingRuleError: custom_jvp of '<lambda>': it has no rule yet: call ...

    The message names the place for the rule. The fix is ``square.defjvp(...)`` before the first
    derivative; for a primitive, the method of its class that the message names.
    """


class MissingDerivativeError(FuncgradError, TypeError):
    """Forward mode applied to a function that has a rule for reverse mode only.

    >>> import funcgrad as fg
    >>> square = fg.custom_vjp(lambda x: x * x)
    >>> square.defvjp(lambda x: (x * x, x), lambda x, ct: (2 * x * ct,))
    >>> fg.jvp(square, (3.0,), (1.0,))
    Traceback (most recent call last):
    funcgrad.core.errors.MissingDerivativeError: custom_vjp: '<lambda>' has no forward ...

    The rule takes cotangents from the output back, and a tangent goes the other way. The fix is
    ``grad`` or ``vjp``, or ``custom_jvp``, whose rule serves both modes.
    """


class ClosureError(FuncgradError, TypeError):
    """A custom rule that closes over a value of an inner transform, and branches on values.

    >>> import funcgrad as fg
    >>> def slope(x):
    ...     def inner(y):
    ...         times = fg.custom_vjp(lambda z: z * y if z > 0 else z)
    ...         times.defvjp(lambda z: (z * y, None), lambda _, ct: (ct * y,))
    ...         return times(x)
    ...     return fg.grad(inner)(x)
    >>> fg.grad(slope)(2.0)
    Traceback (most recent call last):
    funcgrad.core.errors.ClosureError: custom_vjp: a custom rule closes over a value of a ...

    The outer ``grad`` sees ``x``, but not the ``y`` that is hidden in the rule. The fix is to make
    ``y`` an argument of the function that has the rule: ``times(x, y)``.
    """


class AxisNameError(FuncgradError, NameError):
    """A named axis that no enclosing transform has bound.

    >>> from funcgrad import lax
    >>> lax.psum(1.0, "batch")
    Traceback (most recent call last):
    funcgrad.core.errors.AxisNameError: psum: no axis is named 'batch' here: bound are none; run ...

    The name is given by ``vmap(f, axis_name="batch")`` around the function, and holds inside of
    it. The fix is to call the function under that ``vmap``.
    """


class LeakedTracerError(FuncgradError, RuntimeError):
    """A tracer used after its transform has returned.

    >>> import funcgrad as fg
    >>> seen = []
    >>> y = fg.jit(lambda x: (seen.append(x), 2 * x)[1])(1.0)
    >>> seen[0] + 1
    Traceback (most recent call last):
    funcgrad.core.errors.LeakedTracerError: a traced value was used after its transform had ...

    A list, a global or an attribute kept a variable of a program that is finished. The fix is to
    return the value (``has_aux=True`` for ``grad``), or to keep ``stop_gradient(x)`` under grad.
    """


class UninitializedError(FuncgradError, RuntimeError):
    """A module called before its parameters were drawn.

    >>> import numpy as np
    >>> from funcgrad import nn
    >>> nn.Dense(4, 8)(np.ones(4))
    Traceback (most recent call last):
    funcgrad.core.errors.UninitializedError: Dense(in_features=4, out_features=8): the parameter ...

    The constructor describes a layer; its arrays come from a key. ``init`` returns a copy, so the
    fix is ``model = model.init(fg.random.key(0))``, with the assignment.
    """


class NanError(FuncgradError, FloatingPointError):
    """A nan or inf that an operation made, or that the data held, under ``debug.nans``.

    >>> import numpy as np, funcgrad as fg
    >>> with fg.debug.nans(), np.errstate(divide="ignore"):
    ...     fg.grad(lambda x: np.log(x - 1))(1.0)
    Traceback (most recent call last):
    funcgrad.core.errors.NanError: debug.nans: log made 1 inf of 1 element, at ...

    The message names the operation, its line, its operands and the way back to the inputs. The fix
    is to keep the operand in the domain: ``np.log(np.where(x > 1, x - 1, 1.0))``.
    """

    given: str = ""  # the argument or constant that held a nan from the start, if one did
    operation: str  # the primitive
    line: str  # of user code, as ``file:line``
    backward: bool  # whether it is the derivative of that line, in the backward pass
    operands: tuple[Any, ...]  # statistics of each
    chain: tuple[tuple[str, str], ...]  # names and lines from there back to an input


class UntakenWarning(RuntimeWarning):
    """A selection that hides a nan or inf, under ``debug.nans(untaken=True)``.

    >>> import warnings, numpy as np, funcgrad as fg
    >>> root = lambda x: np.where(x > 0, np.sqrt(x), 0.0)
    >>> with warnings.catch_warnings(record=True) as caught, fg.debug.nans(untaken=True):
    ...     warnings.simplefilter("always", UntakenWarning)
    ...     with np.errstate(invalid="ignore"):
    ...         slope = fg.grad(root)(-1.0)
    >>> print(slope, caught[0].message)
    0.0 debug.nans: where at ... hides a nan or inf that sqrt made at ...

    The derivative is right, as in every selection. Other programs that read the same value may
    not be: the fix is an operand in the domain, ``np.sqrt(np.where(x > 0, x, 1.0))``.
    """


class TrainingWarning(UserWarning):
    """A model that is trained by calls that leave a part of the training pass out.

    Without a key ``Dropout`` drops nothing and ``BatchNorm`` uses its running statistics, so that
    a loss of ``model(x)`` trains another model than the one described.

    >>> import warnings, numpy as np, funcgrad as fg
    >>> from funcgrad import nn
    >>> model = nn.Sequential(nn.Dense(2, 3), nn.Dropout(0.5)).init(fg.random.key(0))
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     grads = fg.grad(lambda m: np.sum(m(np.ones(2))))(model)
    >>> print(caught[0].message)
    Dropout(0.5): it drops nothing in a training pass without a key: got key=None; write ...

    The fix is a key for each step: ``model(x, key=key)``, or ``nn.apply(model, x, key=key)``, which
    also returns the model with new statistics.
    """


class NestingError(FuncgradError, RecursionError):
    """Functions nested deeper than Python's recursion limit.

    >>> import funcgrad as fg
    >>> def factorial(n):
    ...     return n * fg.jit(factorial)(n - 1)
    >>> factorial(5.0)
    Traceback (most recent call last):
    funcgrad.core.errors.NestingError: jit of 'factorial' ...: functions nest deeper than ...

    Here the recursion has no end. Where it has one, the fix is to transform the outermost function
    alone: its program contains all others.
    """


class MemoryLimitError(FuncgradError, MemoryError):
    """A program that needs more memory than ``memory_limit``, even with rematerialization.

    >>> import numpy as np, funcgrad as fg
    >>> fg.jit(lambda x: np.exp(x) @ x, memory_limit=1000)(np.ones((100, 100)))
    Traceback (most recent call last):
    funcgrad.core.errors.MemoryLimitError: jit: memory_limit=1000 cannot be met: the ...

    Recomputation trades time for memory down to a least amount, which the message gives. The fix
    is that limit, or smaller batches.
    """


_publish(__name__)

"""scan, while_loop, fori_loop and map."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import Aval, aval_of, dtype_of, is_arraylike, shape_of
from ..core.branches import everything
from ..core.effects import has_effects
from ..core.errors import DtypeError, ShapeError, shown
from ..core.integers import whole
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.lazy import answering
from ..core.lists import split_list
from ..core.trace import Primitive, is_concrete
from ..ops import compare
from ..ops.index import concatenate_p
from ..ops.operand import weaken_p
from ..ops.structure import cast, reshape
from ..transforms.arguments import Origin, check_callable, warn_at_user_line
from ..transforms.batching import vmap
from ..transforms.jaxprs import out_avals, trace_to_jaxpr
from ..transforms.nans import debugging
from .body import SHORT, Body, length_of
from .checkpointed import checkpointed_scan_p
from .checkpointed_while import checkpointed_while_p
from .cond import cond_p
from .lanes import may_be_taken
from .scan import scan_p
from .weak import strong_inputs
from .while_loop import while_p


@answering
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    *,
    checkpoint: int | str | None = None,
) -> tuple[Any, Any]:
    """Apply a step with a carry along the first axis of ``xs``, and stack the results.

    scan : ((c, a) -> (c, b)) -> c -> [a] -> (c, [b])

    Args:
        f: ``f(carry, x) -> (carry, y)`` for one slice x of ``xs``. It is traced once, on shapes
            and dtypes alone.
        init: the initial carry, a tree; each step must keep its shapes and dtypes. Python scalars
            take the dtype that the step gives them.
        xs: a tree of arrays whose first axes have equal length, or None.
        length: the number of steps, needed only where ``xs`` has no arrays.
        reverse: whether to go from the last slice to the first.
        unroll: the number of steps in one iteration of the loop; True for all, without a loop.
        checkpoint: the number of states of the carry that reverse mode keeps, or "log", for about
            log2 of the number of steps. Other states are computed again, in the fewest steps.

    Raises:
        TypeError: if ``f`` does not return a pair, or changes structure or dtypes of the carry.
        ShapeError: if the first axes differ in length.
        ValueError: if ``checkpoint`` is not "log" or an integer >= 1, or comes with ``unroll``.

    >>> total, sums = scan(lambda c, x: (c + x, c + x), 0.0, np.arange(4.0))
    >>> print(total, sums)
    6.0 [0. 1. 3. 6.]
    """
    if (check := debugging.get().check) is not None:
        return check.call(scan, (f, init, xs, length, reverse, unroll), {"checkpoint": checkpoint})
    check_callable("scan", f)
    xs_leaves, xs_tree = tree.flatten(xs)
    n = length_of(xs, length)
    slices = [Aval(shape_of(x)[1:], dtype_of(x)) for x in xs_leaves]
    step = lambda carry, x: _pair(f(carry, tree.unflatten(xs_tree, x)))
    body = Body("scan", f, init, slices, step, takes=None if n else everything)
    states = None if checkpoint is None else states_of("scan", checkpoint, n, unroll)
    steps = 1 if type(unroll) is int and unroll == 1 else _steps(unroll, n)
    if not n:  # no step runs, nor operations on values that it closes over
        rows = [np.zeros((0, *a.shape), a.dtype) for a in out_avals(body.jaxpr)[len(body.init) :]]
        return body.result([*body.init, *rows], xs_leaves)
    if states is not None:
        return checkpointed(body, xs_leaves, n, reverse, states)
    if steps > 1:
        return body.result(_unrolled(body, xs_leaves, n, reverse, steps), xs_leaves)
    operands = [*body.consts, *body.init, *xs_leaves]
    if body.is_short(operands, n):
        outs = body.apply(operands, range(n)[:: -1 if reverse else 1])
        return body.result(outs, xs_leaves)
    sizes = {"num_consts": len(body.consts), "num_carry": len(body.init)}
    params = {"jaxpr": body.jaxpr, "length": n, "reverse": reverse, **sizes}
    return body.result(_bound(scan_p, operands, params), xs_leaves)


def _pair(out: Any) -> tuple[Any, Any]:
    """The result of a step of a scan, checked."""
    if not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError(
            f"scan: the function must return a pair (carry, y): got {type(out).__name__}; return "
            f"(carry, None) where a step has no result"
        )
    return out


def checkpointed(
    body: Body, xs: Sequence[Any], length: int, reverse: bool, states: int
) -> tuple[Any, Any]:
    """Scan so that reverse mode keeps this number of states."""
    operands = [*body.consts, *body.init, *xs]
    if body.is_short(operands, length) and not body.sums_alike(operands):
        return body.result(body.apply(operands, range(length)[:: -1 if reverse else 1]), xs)
    params = {
        "jaxpr": body.jaxpr, "length": length, "reverse": reverse, "checkpoint": states,
        "num_consts": len(body.consts), "num_carry": len(body.init),
    }  # fmt: skip
    return body.result(_bound(checkpointed_scan_p, operands, params), xs)


def _bound(prim: Primitive, operands: Sequence[Any], params: dict[str, Any]) -> list[Any]:
    """The results of a loop; on arrays NumPy's warnings name the line of its call."""
    return list(warn_at_user_line(functools.partial(prim.bind, **params), *operands))


def states_of(
    who: str, checkpoint: int | str, length: int | None = None, unroll: int | bool = 1
) -> int:
    """The number of states that reverse mode keeps.

    Raises:
        ValueError: unless ``checkpoint`` is an integer >= 1, or "log" where the number of steps is
            known, and ``unroll`` is 1.
    """
    if type(unroll) is not int or unroll != 1:
        raise ValueError(
            f"{who}: checkpoint needs single steps: got unroll={shown(unroll)}; leave unroll out"
        )
    if isinstance(checkpoint, str) and checkpoint == "log" and length is not None:
        return max(length.bit_length(), 1)
    states = whole(checkpoint)
    if isinstance(states, bool) or not isinstance(states, int) or states < 1:
        words = "an integer >= 1" if length is None else 'an integer >= 1 or "log"'
        raise ValueError(f"{who}: checkpoint must be {words}: got {shown(checkpoint)}")
    return states if length is None else max(min(states, length), 1)


def _steps(unroll: int | bool, length: int) -> int:
    """The number of steps in one iteration of the loop."""
    unroll = whole(unroll)
    if isinstance(unroll, bool | np.bool_):
        return max(length, 1) if unroll else 1
    if not isinstance(unroll, int) or unroll < 1:
        raise ValueError(
            f"scan: unroll must be a bool or an integer >= 1: got {unroll}; write unroll=1"
        )
    return max(min(unroll, length), 1)


def _unrolled(body: Body, xs: Sequence[Any], length: int, reverse: bool, steps: int) -> list[Any]:
    """Scan over groups of steps; the remaining steps run one by one at the end."""
    turns, k = length // steps, len(body.init)
    size = turns * steps
    main = slice(length - size, length) if reverse else slice(0, size)
    order = range(steps)[:: -1 if reverse else 1]

    heads = [reshape(x[main], (turns, steps, *shape_of(x)[1:])) for x in xs]
    if turns == 1:
        outs = body.apply([*body.consts, *body.init, *(x[0] for x in heads)], order)
        carry, ys = outs[:k], outs[k:]
    else:
        avals = [*(aval_of(x) for x in (*body.consts, *body.init)),
                 *(Aval(shape_of(x)[1:], dtype_of(x)) for x in heads)]  # fmt: skip
        jaxpr, more = trace_to_jaxpr(body.origin, lambda values: body.apply(values, order), avals)
        outs = list(scan_p.bind(
            *more, *body.consts, *body.init, *heads, jaxpr=jaxpr, length=turns, reverse=reverse,
            num_consts=len(more) + len(body.consts), num_carry=k,
        ))  # fmt: skip
        carry = outs[:k]
        ys = [reshape(y, (size, *shape_of(y)[2:])) for y in outs[k:]]
    if size == length:
        return [*carry, *ys]
    rest = slice(0, length - size) if reverse else slice(size, length)
    left = range(length - size)[:: -1 if reverse else 1]
    outs = body.apply([*body.consts, *carry, *(x[rest] for x in xs)], left)
    pairs = zip(outs[k:], ys, strict=True)
    joined = [concatenate_p(*((a, b) if reverse else (b, a)), axis=0) for a, b in pairs]
    return [*outs[:k], *joined]


@answering
def while_loop(
    cond_fun: Callable[[Any], Any],
    body_fun: Callable[[Any], Any],
    init_val: Any,
    *,
    checkpoint: int | str | None = None,
) -> Any:
    """Apply ``body_fun`` repeatedly while ``cond_fun`` is true.

    while_loop : (a -> bool) -> (a -> a) -> a -> a

    Args:
        cond_fun: ``cond_fun(value)`` returns a scalar boolean.
        body_fun: ``body_fun(value)`` returns the next value, a tree with the same shapes and
            dtypes. Both are traced once, on these alone, and may close over more.
        init_val: the initial value; Python scalars take the dtype that the step gives them.
        checkpoint: the number of values that reverse mode keeps. Others are computed again, by
            up to 1.3 times the fewest steps, because their number is not known in advance.

    It has derivatives of both modes, of any order; without ``checkpoint`` reverse mode stores
    residuals of all steps. Under vmap each example stops by itself.

    Raises:
        ShapeError: if ``cond_fun`` does not return a scalar, or a step changes a shape.
        ValueError: if ``checkpoint`` is not an integer >= 1.
        TypeError: if a step changes a dtype or, as a ValueError, the structure.

    >>> print(while_loop(lambda x: x < 100.0, lambda x: 2 * x, 3.0))
    192.0
    """
    if (check := debugging.get().check) is not None:
        return check.call(while_loop, (cond_fun, body_fun, init_val), {"checkpoint": checkpoint})
    states = 0 if checkpoint is None else states_of("while_loop", checkpoint)
    check_callable("while_loop", cond_fun)
    check_callable("while_loop", body_fun)
    step = lambda carry, _: (body_fun(carry), None)
    body = Body("while_loop", body_fun, init_val, [], step, takes=may_be_taken)

    def holds(values: list[Any]) -> list[Any]:
        y = cond_fun(tree.unflatten(body.tree, values))
        if not is_arraylike(y) or shape_of(y):
            got = aval_of(y) if is_arraylike(y) else type(y).__name__
            raise ShapeError(
                f"while_loop: cond_fun must return a scalar boolean: got {got}; reduce it by "
                f"np.all or np.any"
            )
        return [compare.ne(y, 0)]

    cond, cond_consts = trace_to_jaxpr(Origin("while_loop", cond_fun), holds, body.avals)
    cond = strong_inputs(cond, len(cond_consts), body.weak) if any(body.weak) else cond
    run = functools.partial(_repeated, cond=cond, states=states)
    if (before := body.risky()) is None or has_effects(cond):
        return body.result(run(body, cond_consts))[0]
    return body.result(_if_it_runs(body, before, cond, cond_consts, run))[0]


def _repeated(body: Body, cond_consts: Sequence[Any], cond: Jaxpr, states: int) -> Sequence[Any]:
    """The last carry of a while loop."""
    consts, carry = body.consts, body.init
    operands = [*cond_consts, *consts, *carry]
    if body.is_short(operands, 1) and not (states and body.sums_alike(operands)):  # one by one
        for _ in range(SHORT // 4 // len(body.jaxpr.eqns)):
            if not eval_jaxpr(cond, (), [*cond_consts, *carry])[0]:
                return carry
            carry = list(eval_jaxpr(body.jaxpr, (), [*consts, *carry]))
    if states:
        return checkpointed_while_p.over(cond, cond_consts, body.jaxpr, consts, carry, states)
    sizes = ((len(consts), len(carry)),)
    params = {"cond": cond, "passes": (body.jaxpr,), "sizes": sizes}
    return _bound(while_p, [*cond_consts, *consts, *carry], params)


def _if_it_runs(
    body: Body, before: Jaxpr, cond: Jaxpr, cond_consts: Sequence[Any], run: Callable[..., Any]
) -> Sequence[Any]:
    """The last carry of a while loop, whose body reads constants that may not be computed else."""
    n, m = len(cond_consts), len(body.consts)
    go_on = eval_jaxpr(cond, (), [*cond_consts, *body.init])[0]

    def loop(values: list[Any]) -> list[Any]:
        own, consts, carry = split_list(values, n, m)
        made = eval_jaxpr(before, (), consts)
        return list(run(body.after(before, [*made, *consts], carry), own))

    operands = [*cond_consts, *body.consts, *body.init]
    if is_concrete(go_on):
        return loop(operands) if go_on else body.init
    bodies = [lambda values: values[n + m :], loop]
    index = cast(go_on, np.dtype(int))
    return cond_p.bind_branches(index, operands, bodies, [aval_of(x) for x in operands])


@answering
def fori_loop(
    lower: Any,
    upper: Any,
    body_fun: Callable[[Any, Any], Any],
    init_val: Any,
    *,
    unroll: int | bool | None = None,
    checkpoint: int | str | None = None,
) -> Any:
    """Apply ``val = body_fun(i, val)`` for i from ``lower`` to ``upper`` - 1.

    fori_loop : int -> int -> (int -> a -> a) -> a -> a

    Args:
        lower: an integer.
        upper: an integer; if a bound is traced, the loop is a while_loop.
        body_fun: ``body_fun(i, value)`` returns the next value, of the same shapes and dtypes.
        init_val: the initial value; Python scalars take the dtype that the step gives them.
        unroll: the number of steps in one iteration, for concrete bounds; see ``scan``.
        checkpoint: the number of states that reverse mode keeps; see ``scan``, or, if a bound is
            traced, ``while_loop``.

    Raises:
        TypeError: if a bound is not an integer, or a step changes a dtype.
        ShapeError: if a bound is not a scalar, or a step changes a shape.
        ValueError: if ``unroll`` is given and a bound is traced.

    >>> print(fori_loop(0, 5, lambda i, x: x + i, 0.0))
    10.0
    """
    if (check := debugging.get().check) is not None:
        options = {"unroll": unroll, "checkpoint": checkpoint}
        return check.call(fori_loop, (lower, upper, body_fun, init_val), options)
    check_callable("fori_loop", body_fun)
    lower, upper = (x if is_arraylike(x) else whole(x) for x in (lower, upper))
    for name, bound in (("lower", lower), ("upper", upper)):
        if not is_arraylike(bound) or aval_of(bound).dtype.kind not in "iu":
            got = aval_of(bound) if is_arraylike(bound) else type(bound).__name__
            raise DtypeError(f"fori_loop: {name} must be an integer: got {got}")
        if shape_of(bound):
            raise ShapeError(
                f"fori_loop: {name} must be a scalar: got {aval_of(bound)}; write one number"
            )
    step = lambda i, carry: body_fun(weaken_p(i), carry)  # weakly typed, as ints of range()
    if is_concrete(lower) and is_concrete(upper):
        numbers = np.arange(int(lower), max(int(lower), int(upper)))
        body = lambda carry, i: (step(i, carry), None)
        steps = 1 if unroll is None else unroll
        if checkpoint is not None:
            states_of("fori_loop", checkpoint, len(numbers), steps)
        return scan(body, init_val, numbers, unroll=steps, checkpoint=checkpoint)[0]
    if unroll is not None:
        raise ValueError(
            "fori_loop: unroll needs concrete bounds: got a traced one; leave unroll out"
        )
    if checkpoint is not None:
        states_of("fori_loop", checkpoint)
    start = (cast(lower, np.int64), init_val)  # the dtype of a bound may be too narrow
    go_on = lambda pair: pair[0] < upper
    advance = lambda pair: (pair[0] + 1, step(*pair))
    return while_loop(go_on, advance, start, checkpoint=checkpoint)[1]


@answering
def map(f: Callable[[Any], Any], xs: Any, *, batch_size: int | None = None) -> Any:
    """Apply a function to each slice along the first axis, sequentially.

    map : (a -> b) -> [a] -> [b]

    Args:
        f: a function of one slice: of arrays, or of trees of arrays.
        xs: a tree of arrays whose first axes have equal length.
        batch_size: the number of slices computed at once by vmap; more need more memory.

    Raises:
        ShapeError: if the first axes differ in length.
        ValueError: if ``batch_size`` is below 1.

    >>> map(lambda x: x**2, np.arange(3.0))
    array([0., 1., 4.])
    """
    if (check := debugging.get().check) is not None:
        return check.call(map, (f, xs), {"batch_size": batch_size})
    check_callable("map", f)
    one = lambda _, x: (None, f(x))
    if batch_size is None:
        return scan(one, None, xs)[1]
    batch_size = operator.index(batch_size)
    if batch_size < 1:
        raise ValueError(
            f"map: batch_size must be at least 1: got {batch_size}; leave it out for all at once"
        )
    leaves, treedef = tree.flatten(xs)
    scan(one, None, xs) if not leaves else None
    n = min(shape_of(x)[0] for x in leaves)
    turns = n // batch_size
    size = turns * batch_size
    cut = lambda x: reshape(x[:size], (turns, batch_size, *shape_of(x)[1:]))
    heads = tree.unflatten(treedef, [cut(x) for x in leaves])
    ys = scan(lambda _, x: (None, vmap(f)(x)), None, heads)[1]
    ys = tree.map(lambda y: reshape(y, (size, *shape_of(y)[2:])), ys)
    if size == n:
        return ys
    rest = vmap(f)(tree.unflatten(treedef, [x[size:] for x in leaves]))
    return tree.map(lambda a, b: concatenate_p(a, b, axis=0), ys, rest)

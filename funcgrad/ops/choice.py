"""Elementwise selection: where, maximum, minimum, clip and similar functions."""

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import dtype_of, shape_of
from ..core.jaxpr import Literal
from .bits import INTEGERS, mask_of, selectable
from .compare import eq, isnan, logical_and, lt
from .dependences import Ins, Outs, Sets, union
from .families import Elementwise
from .paths import Gaps, Masked, any_mask, path_mask

_BOOL = np.dtype(bool)
_INTEGERS = {np.dtype(np.float32): INTEGERS[4], np.dtype(np.float64): INTEGERS[8]}


def _gate(t: Any, open_: Any) -> Any:
    """t where the gate is open and 0 elsewhere, also for infinite t."""
    integers = _INTEGERS.get(t.dtype) if type(t) is type(open_) is np.ndarray else None
    if integers is None or t.shape != open_.shape or open_.dtype is not _BOOL:
        return np.where(open_, t, 0)
    # np.where takes 16 times as long for an unpredictable mask
    bits = open_.astype(integers)
    np.negative(bits, bits)
    return np.bitwise_and(t.view(integers), bits, bits).view(t.dtype)


def _wins(t: Any, x: Any, y: Any, other: Any) -> Any:
    """t where x is the extremum y, t/2 where both operands are, and 0 elsewhere."""
    won, tie = _gate(t, np.equal(x, y)), np.equal(x, other)
    return np.where(tie, t * 0.5, won) if np.count_nonzero(tie) else won


# the compiler selects by bit masks, see bits.py


def _is_zero(x: Any) -> bool:
    """Whether an operand of a program is the literal 0, and not -0."""
    value = getattr(x, "value", None)
    return value is not None and value == 0 and not np.signbit(np.real(value))


def _lower_where(build: Any, c: Any, a: Any, b: Any) -> Any:
    (out,) = where.infer(c.aval, a.aval, b.aval)
    if a is b and a.aval == out:
        return a
    full = [selectable(x, out.shape, out.dtype) for x in (a, b)]
    whole = c.aval.shape == out.shape  # then the other operand of ``and`` may be broadcast
    if c.aval.dtype.kind != "b":
        c = build("ne", c, 0)
    if _is_zero(b) and (full[0] or (whole and selectable(a, a.aval.shape, out.dtype))):
        return build("keep", a, mask_of(build, c, a))
    if _is_zero(a) and (full[1] or (whole and selectable(b, b.aval.shape, out.dtype))):
        return build("keep", b, mask_of(build, build("logical_not", c), b))
    return build("blend", mask_of(build, c, a), a, b) if all(full) else None


def _lower_gate(build: Any, t: Any, c: Any) -> Any:
    return _lower_where(build, c, t, build.number(0))


def _lower_wins(build: Any, t: Any, x: Any, y: Any, other: Any) -> Any:
    """t (1 - tie / 2) where x = y, and 0 elsewhere."""
    (out,) = wins.infer(t.aval, x.aval, y.aval, other.aval)
    if not selectable(t, out.shape, out.dtype) or out.dtype.kind != "f":
        return None
    won = build("keep", t, mask_of(build, build("eq", x, y), t))
    tie = build("convert", build("eq", x, other), dtype=out.dtype)
    return build("mul", won, build("sub", 1, build("mul", tie, 0.5)))


def _lower_clip(build: Any, x: Any, lo: Any, hi: Any) -> Any:
    if x.aval.dtype.kind != "f":  # bounds out of range of a small integer dtype raise
        return None
    keeps = _keeps_zeros(lo.aval, hi.aval)
    return _bounded(build, "minimum", _bounded(build, "maximum", x, lo, keeps), hi, keeps)


def _keeps_zeros(lo: Any, hi: Any) -> bool:
    """Whether clip takes x of zeros of two signs, as NumPy does between scalars; else the bound."""
    return not any(shape_of(bound) for bound in (lo, hi))


def _bounded(build: Any, name: str, x: Any, bound: Any, keeps: bool) -> Any:
    """An extremum, which of equal operands is x if it keeps zeros.

    NumPy's is the second operand, and slower where the first is a scalar.
    """
    is_fast = isinstance(bound, Literal) and bound.value != 0
    return build(name, bound, x) if keeps and not is_fast else build(name, x, bound)


def _clipped(x: Any, lo: Any, hi: Any) -> Any:
    """clip by its extrema, each of which is its second operand of equal ones."""
    if _keeps_zeros(lo, hi):
        return minimum(_inside(x, hi), maximum(_inside(x, lo), x))
    return minimum(maximum(x, _inside(x, lo)), _inside(x, hi))


class Selection(Elementwise):
    """A selection by operands without derivative: an element that is not taken lies on no path.

    ``taken`` gives the mask of the result, from the operands and the masks of the alternatives.
    ``chooser``: the operand that selects, and for each alternative whether it does where it holds.
    """

    def __init__(
        self,
        *args: Any,
        taken: Callable[..., Any],
        chooser: tuple[int, dict[int, bool]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.taken, self.chooser = taken, chooser

    @override
    def depend(self, ins: Ins, avals: Outs) -> list[Sets]:
        """An element depends on the alternative that is selected, if that is known."""
        if self.chooser is None or not ins[self.chooser[0]].is_known:
            return super().depend(ins, avals)
        chosen = np.not_equal(ins[self.chooser[0]].value, 0)
        wide = {i: s.broadcast(avals[0].shape) for i in self.chooser[1] if (s := ins[i].sets)}
        return [union([s.where(chosen == self.chooser[1][i]) for i, s in wide.items()],
                      avals[0].shape)]  # fmt: skip

    @override
    def on_paths(self, args: Any, live: Any) -> Masked:
        (group,) = self.linear
        if any(mask is not None for i, mask in enumerate(live) if i not in group):
            return super().on_paths(args, live)
        outs = self.bind(*args)
        mask = self.taken(args, *(path_mask(args[i], live[i]) for i in sorted(group)))
        return outs, (any_mask([mask], shape_of(outs[0])),)

    @override
    def gaps(self, gaps: Any, ins: Any) -> Gaps:
        (group,) = self.linear
        whole = len(group) > 1 and all(gaps[i] is False for i in group)
        return (not whole,), False


def _winner(t: Any, x: Any, y: Any, other: Any) -> Any:
    return where(eq(x, other), t * 0.5, where(eq(x, y), t, 0))


def _inside(x: Any, bound: Any) -> Any:
    """A bound that is Python's integer, moved into the range of an integer dtype."""
    dtype = dtype_of(x)
    if type(bound) is not int or dtype.kind not in "iu":
        return bound
    return int(min(max(bound, np.iinfo(dtype).min), np.iinfo(dtype).max))


def _unless_nan(extremum: Any, a: Any, b: Any) -> Any:
    return where(isnan(a), b, where(isnan(b), a, extremum(a, b)))


def _steps(a: Any, b: Any) -> Any:
    return where(isnan(a), a, where(eq(a, 0), b, where(lt(a, 0), 0, 1)))


gate: Elementwise
wins: Elementwise
where: Elementwise

# fmt: off
gate        = Selection("gate", _gate, lambda t, y, a, c: gate(t, c), None, linear=[{0}],
                        lower=_lower_gate, decompose=lambda t, c: where(c, t, 0),
                        taken=lambda xs, mask: logical_and(mask, xs[1]),
                        chooser=(1, {0: True}))
# a gate of the value alone: its derivative passes all elements
hide        = Elementwise("hide", _gate, lambda t, y, a, c: t, None, linear=[{0}],
                          lower=_lower_gate, decompose=lambda t, c: where(c, t, 0))
wins        = Selection("wins", _wins,
                        lambda t, y, a, *xs: wins(t, *xs), None, None, None, linear=[{0}],
                        lower=_lower_wins, decompose=_winner,
                        taken=lambda xs, mask: logical_and(mask, eq(*xs[1:3])))
maximum     = Elementwise("maximum", np.maximum,
                          lambda t, y, a, b: wins(t, a, y, b),
                          lambda t, y, a, b: wins(t, b, y, a))
minimum     = Elementwise("minimum", np.minimum,
                          lambda t, y, a, b: wins(t, a, y, b),
                          lambda t, y, a, b: wins(t, b, y, a))
fmax        = Elementwise("fmax", np.fmax,
                          lambda t, y, a, b: wins(t, a, y, b),
                          lambda t, y, a, b: wins(t, b, y, a),
                          decompose=lambda a, b: _unless_nan(maximum, a, b))
fmin        = Elementwise("fmin", np.fmin,
                          lambda t, y, a, b: wins(t, a, y, b),
                          lambda t, y, a, b: wins(t, b, y, a),
                          decompose=lambda a, b: _unless_nan(minimum, a, b))
where       = Selection("where", np.where, None,
                        lambda t, y, c, a, b: gate(t, c),
                        lambda t, y, c, a, b: gate(t, np.logical_not(c)), linear=[{1, 2}],
                        lower=_lower_where, taken=lambda xs, a, b: where(xs[0], a, b),
                        chooser=(0, {1: True, 2: False}))
clip        = Elementwise("clip", np.clip,
                          lambda t, y, x, lo, hi: gate(t, (x >= lo) & (x <= hi)),
                          lambda t, y, x, lo, hi: gate(t, (x < lo) & (lo <= hi)),
                          lambda t, y, x, lo, hi: gate(t, maximum(x, lo) > hi),
                          lower=_lower_clip, decompose=_clipped)
heaviside   = Elementwise("heaviside", np.heaviside, None,
                          lambda t, y, a, b: where(a == 0, t, 0), decompose=_steps)
# fmt: on

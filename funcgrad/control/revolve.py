"""Binomial checkpointing: which states of a chain of steps are kept, and which are computed again.

With s snapshots and every step computed at most r times in addition, a chain of
C(s + r, s) steps can be reversed, and no schedule reverses a longer one.

Source: Griewank & Walther 2000, "Algorithm 799: revolve", ACM TOMS 26(1), equations (1) to (6).
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

# the steps to advance: (step, slot of the state before it, slot of the state after it)
Moves = Iterable[tuple[int, int, int]]


def longest(snapshots: int, repeats: int) -> int:
    """The most steps that can be reversed if each is computed so often in addition."""
    return math.comb(snapshots + repeats, snapshots) if repeats >= 0 else 0


def repeats_of(length: int, snapshots: int) -> int:
    """How often some step is computed in addition by the schedule of this length."""
    r = 0
    while longest(snapshots, r) < length:
        r += 1
    return r


def extra_steps(length: int, snapshots: int) -> int:
    """The steps that are computed in addition: the fewest that are possible.

    >>> [extra_steps(10, k) for k in (1, 2, 3, 10)]
    [45, 20, 15, 9]
    """
    r = repeats_of(length, snapshots)
    return r * length - math.comb(snapshots + r, snapshots + 1)


@functools.lru_cache(1 << 14)
def first_part(length: int, snapshots: int) -> int:
    """The number of steps from the first snapshot to the second."""
    if length <= snapshots + 1:
        return 1
    r = repeats_of(length, snapshots)
    return max(longest(snapshots, r - 2), length - longest(snapshots - 1, r), 1)


def kept_states(length: int, snapshots: int) -> tuple[int, ...]:
    """The steps before which the first sweep keeps the state; that of step 0 is given.

    The last step is computed with its derivative, so the state before it need not be kept.
    """
    kept, at, left = [], 0, length
    while left > 1 and snapshots > 1:
        part = first_part(left, snapshots)
        at, left, snapshots = at + part, left - part, snapshots - 1
        kept.append(at)
    return tuple([i for i in kept if i < length - 1])


def online(slots: int) -> tuple[Callable[[], int], Callable[[], np.ndarray]]:
    """The states to keep of a loop whose number of steps is not known.

    A state that is kept has a level. It may be dropped once a later one has a higher level; if
    there is none to drop, the present state is not kept, and the next one has the next level. So
    the number of times that a step is computed is the least for the number of steps so far.

    Returns:
        A function that gives the slot for the state before the next step, -1 if it is not to be
        kept; and one that gives the plan: the number of steps and of states kept, then their steps
        and their slots, in two rows.

    Source: Wang, Moin & Iaccarino 2009, "Minimal repetition dynamic checkpointing algorithm for
    unsteady adjoint calculation", SIAM J. Sci. Comput. 31(4), algorithm 1. The state that is
    passed on is not counted as kept.
    """
    kept: list[tuple[int, int, int]] = []  # step, level, slot
    steps, level, first, last = 0, 1 << 62, 0, 0  # from first to last those that may be dropped

    def slot() -> int:
        nonlocal steps, level, first, last
        steps += 1
        if len(kept) < slots:
            free = len(kept)
        elif last > first:
            last -= 1
            free = kept.pop(last)[2]
        else:
            level += 1
            first = last = len(kept)
            while first and kept[first - 1][1] < level:
                first -= 1
            return -1
        kept.append((steps - 1, level, free))
        level = 0
        return free

    def plan() -> np.ndarray:
        rows = np.full((2, slots + 1), -1)
        rows[:, 0] = steps, len(kept)
        for j, (step, _, place) in enumerate(kept):
            rows[:, j + 1] = step, place
        return rows

    return slot, plan


def planned(plan: np.ndarray, slots: int) -> Iterator[tuple[int, int, Moves]]:
    """The schedule of a backward pass by the plan of :func:`online`."""
    (steps, *kept), (count, *places) = plan.tolist()
    if not steps:
        return
    used = places[:count]
    order = [*used, *(j for j in range(slots) if j not in used), slots, slots + 1]
    for step, slot, moves in reversal(steps, slots, kept[1:count]):
        yield step, order[slot], ((j, order[a], order[b]) for j, a, b in moves)


def reversal(length: int, slots: int, kept: Sequence[int]) -> Iterator[tuple[int, int, Moves]]:
    """The schedule of a backward pass over steps of which some states are kept.

    For each step, from the last one, yields its number, the slot that holds the state before it,
    and the moves that make this state. Slot j holds the state of ``kept[j - 1]`` at first, slot
    0 that before step 0. Two slots after the given number are for passing states.
    """
    bounds = (0, *kept, length)
    work = [(*bounds[j : j + 2], j) for j in range(len(bounds) - 1)]
    passing = slots, slots + 1
    while work:
        start, stop, slot = work.pop()
        moves: list[Moves] = []
        while stop - start > 1:
            free = slots - slot
            if free == 1:  # no slot is left: pass to the last step
                work.append((start, stop - 1, slot))
                moves.append(_passed(start, stop - 1, slot, None, passing))
                start, slot = stop - 1, passing[(stop - start) % 2]
                break
            part = first_part(stop - start, free)
            moves.append(_passed(start, start + part, slot, slot + 1, passing))
            work.append((start, start + part, slot))
            start, slot = start + part, slot + 1
        if stop > start:
            yield start, slot, itertools.chain.from_iterable(moves)


def _passed(start: int, stop: int, slot: int, last: int | None, passing: tuple[int, int]) -> Moves:
    """The moves from one slot to the last one, in between through those for passing states."""
    count = stop - start
    if count == 1 and last is not None:
        return ((start, slot, last),)
    a, b = passing
    turns = itertools.cycle((a, b))
    ends = turns if last is None else itertools.chain(itertools.islice((turns), count - 1), (last,))
    return zip(
        range(start, stop), itertools.chain((slot,), itertools.cycle((a, b))), ends, strict=False
    )

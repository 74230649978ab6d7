"""Checkpointed loops in C: a sweep that keeps states, and the reversal that computes the others.

States lie in the rows of a stack: a step reads one row and writes another. A reversal works in the
stack of its sweep where no later equation reads it, else in a copy. The schedules are those of
``revolve.py``, made as the loops run.
"""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..c.statements import Statements
from ..c.ticks import ticks
from ..c.values import TINY, Value, registers
from ..c.writer import Writer
from ..core.avals import Aval
from ..core.jaxpr import Jaxpr, Var
from ..core.lists import split_list
from .c_loops import Variables, end_step, row_target, rows, write_row
from .states import reads

_INDEX = np.dtype(np.int64)

FIRST_PART = """\
/* The steps from a state that is kept to the next one, so that the fewest are computed again.
Source: Griewank & Walther 2000, "Algorithm 799: revolve", equations (1) to (6). */
static int64_t first_part(int64_t length, int64_t snapshots) {
    if (length <= snapshots + 1)
        return 1;
    /* C(snapshots + r, r) for r - 2, r - 1 and r */
    int64_t before = 0, last = 0, most = 1, rest = 0;
    for (int64_t r = 1; most < length; r++) {
        before = last;
        last = most;
        most = most * (snapshots + r) / r;
        rest = length - most * snapshots / (snapshots + r);
    }
    const int64_t part = before > rest ? before : rest;
    return part > 1 ? part : 1;
}"""

FREE_SLOT = """\
/* The slot for the state before the next step, -1 if it is not kept, of a loop whose number of
steps is not known. plan: the numbers of steps and of states kept, then their steps and their
slots, in two rows. levels: those of the states, that of the next one, and from which to which
state they may be dropped.
Source: Wang, Moin & Iaccarino 2009, "Minimal repetition dynamic checkpointing", algorithm 1. */
static int64_t free_slot(int64_t slots, int64_t *plan, int64_t *levels) {
    int64_t *kept = plan + slots + 1, *steps = plan + 1, *places = kept + 1;
    int64_t *level = levels + slots, *first = level + 1, *last = level + 2;
    const int64_t step = plan[0]++;
    int64_t slot = *kept;
    if (*kept == slots && *last > *first) {
        slot = places[--*last];
        --*kept;
        for (int64_t j = *last; j < *kept; j++) {
            steps[j] = steps[j + 1];
            places[j] = places[j + 1];
            levels[j] = levels[j + 1];
        }
    } else if (*kept == slots) {
        ++*level;
        *first = *last = *kept;
        while (*first > 0 && levels[*first - 1] < *level)
            --*first;
        return -1;
    }
    steps[*kept] = step;
    places[*kept] = slot;
    levels[(*kept)++] = *level;
    *level = 0;
    return slot;
}"""


def _define(w: Statements, text: str) -> None:
    """Write a function above that of the program, once."""
    if text not in w.top:
        w.top.append(text)


def _index(w: Statements, name: str, text: str) -> str:
    """A constant integer, by its name."""
    name = w.name(name)
    w.line(f"const int64_t {name} = {text};")
    return name


def _put(w: Writer, stack: Value, row: str, x: Value) -> None:
    """Copy a value to a row of a stack."""
    w.copy(rows(w, stack, Var(x.aval), row, writes=True), x)


def _unset(w: Writer, stack: Value, length: int, steps: int, reverse: bool) -> None:
    """Zeros for the rows of steps that are not in a loop."""
    zero = registers(Aval((), stack.aval.dtype), ["0"])
    part = slice(0, length - steps) if reverse else slice(steps, length)
    if steps < length:
        w.copy(stack.viewed(operator.itemgetter(part)), zero)


class StackRows:
    """Stacked arrays of which a step reads or writes a row."""

    def __init__(self, w: Writer, stacks: Sequence[Value], variables: Sequence[Any]) -> None:
        self.w, self.stacks, self.variables = w, stacks, variables

    def read(self, row: str, used: set[Any]) -> list[Value]:
        """The rows that a program reads."""
        pairs = zip(self.stacks, self.variables, strict=True)
        return [rows(self.w, x, v, row) if v in used else x for x, v in pairs]

    def targets(self, row: str) -> list[Value | None]:
        pairs = zip(self.stacks, self.variables, strict=True)
        return [row_target(self.w, y, a, row) for y, a in pairs]

    def put(self, row: str, targets: Sequence[Value | None], values: Sequence[Value]) -> None:
        """Write the values that are not in their targets, and release all."""
        for stack, target, value in zip(self.stacks, targets, values, strict=True):
            if target is None:
                write_row(self.w, stack, value, row)
            self.w.release(value)


def sweep_in_c(
    w: Writer, *ins: Value, jaxpr: Jaxpr, length: int, steps: int, reverse: bool, num_consts: int,
    num_carry: int, checkpoint: int, kept: tuple[int, ...], kept_carry: tuple[int, ...],
) -> list[Value]:  # fmt: skip
    """Write a sweep: a loop over its steps, some of which keep the state before them."""
    n, k, m = num_consts, num_carry, len(jaxpr.outvars)
    w.names.study(jaxpr)
    carries = _carries(w, jaxpr, n, ins[n : n + k])
    stacks = [w.array(Aval((length, *a.aval.shape), a.aval.dtype), k + j)
              for j, a in enumerate(jaxpr.outvars[k:])]  # fmt: skip
    snaps = _snaps(w, checkpoint, [carries[i].aval for i in kept_carry], m)
    for stack in stacks:
        _unset(w, stack, length, steps, reverse)
    xs = StackRows(w, [w.stored(x) for x in ins[n + k :]], jaxpr.invars[n + k :])
    ys, used = StackRows(w, stacks, jaxpr.outvars[k:]), reads(jaxpr)
    if snaps:
        table, slot = _table(w, (0, *kept)), w.name("slot")
        w.line(f"int {slot} = 0;")
    step = w.name("step")
    with w.braces(f"for (int64_t {step} = 0; {step} < {steps}; {step}++)"):
        if snaps:
            with w.braces(f"if ({slot} < {len(kept) + 1} && {step} == {table}[{slot}])"):
                for snap, i in zip(snaps, kept_carry, strict=True):
                    _put(w, snap, slot, carries[i].now)
                w.line(f"{slot}++;")
        row = _index(w, "row", f"{length - 1} - {step}") if reverse else step
        targets = ys.targets(row)
        now = [*ins[:n], *(c.now for c in carries), *xs.read(row, used)]
        values = w.block(jaxpr, now, [*[None] * k, *targets])
        ys.put(row, targets, values[k:])
        end_step(w, carries, values[:k], jaxpr)
    return [*(c.finish() for c in carries), *stacks, *snaps]


def _snaps(w: Writer, slots: int, avals: Sequence[Aval], place: int) -> list[Value]:
    """The stacks of states, from an output on; one of few elements is read to its last row."""
    stacks = []
    for j, aval in enumerate(avals):
        stack = w.array(Aval((slots + 2, *aval.shape), aval.dtype), place + j)
        if stack.aval.size <= TINY:
            w.copy(stack, registers(Aval((), aval.dtype), ["0"]))
        stacks.append(stack)
    return stacks


def _carries(w: Writer, jaxpr: Jaxpr, first: int, inits: Sequence[Value]) -> list[Variables]:
    pairs = zip(jaxpr.invars[first:], jaxpr.outvars, inits, strict=False)
    return [Variables(w, init, v, a is not v) for v, a, init in pairs]


def _table(w: Writer, numbers: Sequence[int]) -> str:
    """A constant array of integers, above the function."""
    key = f"int64_t {numbers}".encode()
    if key not in w.tables:
        w.tables[key] = name = w.name("at_steps")
        text = ", ".join(f"INT64_C({i})" for i in numbers)
        w.top.append(f"static const int64_t {name}[{len(numbers)}] = {{{text}}};")
    return w.tables[key]


def while_sweep_in_c(
    w: Writer, *ins: Value, cond: Jaxpr, jaxpr: Jaxpr, num_consts: int, num_carry: int,
    checkpoint: int, kept_carry: tuple[int, ...],
) -> list[Value]:  # fmt: skip
    """Write a while loop that keeps states by a plan, its last output."""
    n, k, slots = num_consts, num_carry, checkpoint
    w.names.study(jaxpr)
    _define(w, FREE_SLOT)
    carries = _carries(w, jaxpr, n, ins[n:])
    snaps = _snaps(w, slots, [carries[i].aval for i in kept_carry], k)
    plan = w.array(Aval((2, slots + 1), _INDEX), k + len(snaps))
    levels = w.scratch(Aval((slots + 3,), _INDEX), "levels")
    assert levels.memory is not None
    w.copy(plan, registers(Aval((), _INDEX), ["-1"]))
    w.line(f"{plan.at('0', '0')} = {plan.at('1', '0')} = 0;")
    w.line(f"{levels.at(str(slots))} = INT64_C(1) << 62;")
    w.line(f"{levels.at(str(slots + 1))} = {levels.at(str(slots + 2))} = 0;")
    with w.braces("for (;;)"):
        now = [*ins[:n], *(c.now for c in carries)]
        with w.retained(now):  # the step reads it too
            (goes,) = w.block(cond, now, [None])
        w.line(f"if (!({goes.items[0]}))")
        w.line("    break;")
        called = f"free_slot({slots}, {w.start(plan)}, {levels.memory.name})"
        slot = _index(w, "slot", called)
        with w.braces(f"if ({slot} >= 0)"):
            for snap, i in zip(snaps, kept_carry, strict=True):
                _put(w, snap, slot, carries[i].now)
        end_step(w, carries, w.block(jaxpr, now, [None] * k), jaxpr)
    w.release(levels)
    return [*(c.finish() for c in carries), *snaps, plan]


class Schedule:
    """The states from which a reversal computes others: those kept before the steps ``kept``.

    Slot j holds the state before step ``at[j]``. Two more slots are for passing states.
    """

    def __init__(self, w: Writer, slots: int, steps: int, kept: Sequence[int]) -> None:
        self.w, self.slots, self.kept = w, slots, kept
        self.steps, self.used = str(steps), list[Value]()

    def open(self) -> None:
        """Write the arrays that change as the loop runs."""
        self.begin()
        table = _table(self.w, self.kept)
        self.w.line(f"memcpy({self.at}, {table}, sizeof {table});")
        self.w.line(f"int64_t {self.slot} = {len(self.kept) - 1};")

    def begin(self) -> None:
        _define(self.w, FIRST_PART)
        self.slot = self.w.name("slot")
        memory = self.scratch(self.slots + 1, "at").memory
        assert memory is not None
        self.at = memory.name

    def scratch(self, count: int, hint: str) -> Value:
        self.used.append(self.w.scratch(Aval((count,), _INDEX), hint))
        return self.used[-1]

    def row(self, slot: str) -> str:
        """The row of the stack of a slot."""
        return slot

    def finish(self) -> None:
        for memory in self.used:
            self.w.release(memory)


class PlannedSchedule(Schedule):
    """The schedule by the plan that the forward pass of a while loop has made."""

    def __init__(self, w: Writer, slots: int, plan: Value) -> None:
        super().__init__(w, slots, 0, ())
        self.plan = w.in_order(w.stored(plan))
        self.steps = _index(w, "steps", self.plan.at("0", "0"))

    @override
    def open(self) -> None:
        w, plan, slots = self.w, self.plan, self.slots
        self.begin()
        self.order = self.scratch(slots + 2, "order")
        count = _index(w, "count", plan.at("1", "0"))
        (j,) = w.indices(1)
        with w.loop(j, slots):
            place = f"{plan.at('1', f'({j} + 1)')}"
            w.line(f"{self.at}[{j}] = {plan.at('0', f'({j} + 1)')};")
            w.line(f"{self.order.at(j)} = {j} < {count} ? {place} : {j};")
        for passing in (slots, slots + 1):
            w.line(f"{self.order.at(str(passing))} = {passing};")
        w.line(f"int64_t {self.slot} = {count} - 1;")

    @override
    def row(self, slot: str) -> str:
        return self.order.at(slot)


def reversal_in_c(
    w: Writer, schedule: Schedule, parts: Sequence[Sequence[Value]], *, up: Jaxpr, down: Jaxpr,
    length: int, reverse: bool,
) -> list[Value]:  # fmt: skip
    """Write a reversal: for each step from the last one, the steps to its state, and the step.

    Args:
        w: the writer.
        schedule: the states that are kept.
        parts: operands: constants, stacks of states, xs, carry and rows.
        up: the program of a step forward.
        down: that of a step back.
        length: the number of rows of the results.
        reverse: whether steps forward go from the last row to the first.
    """
    consts, given, xs, carry, more = parts
    over, wanted = w.over, w.wanted
    w.names.study(up)
    w.names.study(down)
    n, s, m, k = map(len, (consts, given, xs, carry))
    carries = _carries(w, down, n + s + m, carry)
    w.wanted = wanted
    ys = [w.array(Aval((length, *a.aval.shape), a.aval.dtype), k + j)
          for j, a in enumerate(down.outvars[k:])]  # fmt: skip
    for y in ys:
        _unset(w, y, length, int(schedule.steps), reverse)
    if given:
        schedule.open()
    stacks = [x if id(x) in over else _copied(w, x) for x in given]
    xs, more = ([w.stored(x) for x in part] for part in (xs, more))
    turned = lambda step: f"{length - 1} - {step}" if reverse else step
    step, before = w.name("step"), w.name("before")
    with w.braces(f"for (int64_t {step} = {schedule.steps} - 1; {step} >= 0; {step}--)"):
        if stacks:
            states, rows_of_up = (StackRows(w, *x) for x in ((stacks, up.invars[n : n + s]),
                                                        (xs, up.invars[n + s :])))  # fmt: skip
            _write_moves(w, schedule, step, before, up, consts, states, rows_of_up, turned)
        places = [schedule.row(before) if stacks else "", turned(step)]
        _write_step_back(w, down, (consts, stacks, xs, more), carries, ys, places)
    schedule.finish()
    for stack, x in zip(stacks, given, strict=True):
        w.release(stack) if stack is not x else None
    return [*(c.finish() for c in carries), *ys]


def _write_step_back(
    w: Writer, down: Jaxpr, parts: Any, carries: Sequence[Variables], ys: Sequence[Value],
    places: Sequence[str],
) -> None:  # fmt: skip
    """Write a step back, with the row of its state and that of the step."""
    consts, stacks, xs, more = parts
    row = places[1] if places[1].isidentifier() else _index(w, "row", places[1])
    k, used, results = len(carries), reads(down), StackRows(w, ys, down.outvars[len(carries) :])
    targets = results.targets(row)
    _, *variables = split_list(down.invars, *map(len, (consts, stacks, xs, carries)))
    at_step = lambda arrays, part: StackRows(w, arrays, part).read(row, used)
    state, x, _, other = variables
    now = [*consts, *StackRows(w, stacks, state).read(places[0], used), *at_step(xs, x)]
    now += [*(c.now for c in carries), *at_step(more, other)]
    values = w.block(down, now, [*[None] * k, *targets])
    results.put(row, targets, values[k:])
    end_step(w, carries, values[:k], down)


def _copied(w: Writer, x: Value) -> Value:
    """A copy of a stack."""
    copied = w.scratch(Aval(x.aval.shape, x.aval.dtype), "states")
    w.copy(copied, x)
    return copied


def _write_moves(
    w: Writer, schedule: Schedule, step: str, before: str, up: Jaxpr, consts: Sequence[Value],
    states: StackRows, xs: StackRows, turned: Any,
) -> None:  # fmt: skip
    """Write the steps forward that make the state before a step, in the slot ``before``."""
    slots, slot, at = schedule.slots, schedule.slot, schedule.at
    start, free, stop, after = (w.name(x) for x in ("start", "free", "stop", "after"))
    w.line(f"while ({at}[{slot}] > {step})")
    w.line(f"    {slot}--;")
    w.line(f"int64_t {before} = {slot}, {start} = {at}[{slot}];")
    with w.braces(f"while ({start} < {step})"):
        w.line(f"const int64_t {free} = {slots} - {slot};")
        part = f"{start} + first_part({step} + 1 - {start}, {free})"
        w.line(f"const int64_t {stop} = {free} == 1 ? {step} : {part};")
        with w.braces(f"for (; {start} < {stop}; {start}++)"):
            passing = f"{before} == {slots} ? {slots + 1} : {slots}"
            last = f"{start} + 1 == {stop} && {free} > 1"
            w.line(f"const int64_t {after} = {last} ? {slot} + 1 : {passing};")
            row = _index(w, "row", turned(start)) if xs.stacks else ""
            used = reads(up)
            there = _index(w, "there", schedule.row(after))
            outs = StackRows(w, states.stacks, up.outvars)
            targets = outs.targets(there)
            now = [*consts, *states.read(schedule.row(before), used), *xs.read(row, used)]
            outs.put(there, targets, w.block(up, now, targets))
            w.line(f"{before} = {after};")
            w.poll(ticks(up))
        w.line(f"if ({free} > 1)")
        w.line(f"    {at}[++{slot}] = {start};")

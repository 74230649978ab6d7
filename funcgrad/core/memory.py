"""Memory of traced arrays: which of them share elements, and how a write reaches them all.

A tracer is a reference to immutable content: a value, and the tangent, axis or number that its
trace adds. A write computes new content, by an operation like any other, and the tracer then refers
to that, so every name of the array sees it. A view (of basic indexing, a transpose, a reshape)
remembers the array that owns the memory, and the operations that lead from there to it. A write
through a view gives the owner new content; the other views are computed from it at their next use.

A trace may own the memory and write into it in place (``Trace.write``). Then a result that NumPy
would copy may share it: it is lent, and becomes a copy before the next write (copy on write).

An array that was neither viewed nor written has no entry here: its ``_memory`` is None.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from weakref import ref

from .errors import MutationError
from .registry import branches

Steps: TypeAlias = Sequence[tuple[Any, dict[str, Any]]]  # from the owner of memory to a view


class Owner:
    """The memory of an array that was written, or has views."""

    __slots__ = ("born", "current", "lender", "lent", "limit", "strides", "views")

    def __init__(self, strides: Any = None) -> None:
        self.strides = strides  # in elements, as of the first view; no write changes them
        self.born: Any = None  # where the array was made; kept by the first write
        self.views: list[Any] = []  # weak references to its views
        self.current: list[Any] = []  # and to those whose content is that of the memory
        self.lent: list[Any] = []  # and to arrays that are no views, but have this memory until now
        self.lender: Any = None  # the owner of the memory that the array has until now
        self.limit = 64  # how many references there may be until those to lost arrays are dropped

    def drop_lost(self) -> None:
        """Drop references to arrays that are gone, when their number has doubled."""
        if len(self.views) + len(self.lent) > self.limit:
            self.views, self.current, self.lent = [
                [entry for entry in entries if entry() is not None]
                for entries in (self.views, self.current, self.lent)
            ]
            self.limit = 64 + 2 * (len(self.views) + len(self.lent))


class View:
    """The way from the owner of the memory to a view: operations ``(primitive, params)``."""

    __slots__ = ("owner", "steps", "writeable")

    def __init__(self, owner: Any, steps: tuple[Any, ...], writeable: bool) -> None:
        self.owner, self.steps, self.writeable = owner, steps, writeable


def owner_of(x: Any) -> Any:
    """The array that owns the memory of a tracer."""
    return x._memory.owner if type(x._memory) is View else x


def steps_of(x: Any) -> tuple[Any, ...]:
    """The operations that lead from the owner of the memory to a tracer."""
    return x._memory.steps if type(x._memory) is View else ()


def are_same(x: Any, y: Any) -> bool:
    """Whether two tracers are the same elements of the same memory."""
    return owner_of(x) is owner_of(y) and steps_of(x) == steps_of(y)


def alias(y: Any, x: Any, prim: Any, params: dict[str, Any], writeable: bool = True) -> Any:
    """Make a tracer ``y``, computed from ``x`` by one operation, a view of its memory."""
    memory = x._memory
    if type(memory) is View:
        owner, steps = memory.owner, memory.steps
        writeable = writeable and memory.writeable
        memory = owner._memory
    else:
        owner, steps = x, ()
        if memory is None:
            memory = x._memory = Owner()
    y._memory = View(owner, (*steps, (prim, params)), writeable)
    entry = ref(y)
    memory.current.append(entry)
    memory.views.append(entry)
    memory.drop_lost()
    return y


def write(x: Any, new: Any, lay_out: Callable[[Any, Any], Any]) -> None:
    """Give a tracer, and all that share its memory, new content: that of the tracer ``new``.

    ``lay_out`` gives the new content of the owner of the memory in its order in memory.

    Raises:
        ValueError: NumPy's, if ``x`` is a read-only view.
        MutationError: if the content is of a transform that began after the array was made.
    """
    owner = _writable(x, new._trace)
    steps = steps_of(x)
    new = written_back([*path_of(owner, steps[:-1]), x], steps, new) if steps else new
    before = type(owner), owner._trace
    give_content(owner, lay_out(owner, new))
    _forget_views(owner, before)


def write_in_place(x: Any, value: Any, arrays: Sequence[Any], index: Any) -> bool:
    """Write ``x[index] = value`` into the buffer that a trace owns, if it does.

    Raises:
        ValueError, MutationError: as ``write``.
        LeakedTracerError: if the trace is dead.
    """
    owner, steps = owner_of(x), steps_of(x)
    trace = owner._trace
    for v in (value, *arrays):
        if hasattr(v, "_memory") and v._trace.serial > trace.serial:
            trace = v._trace
    if trace.dead:
        trace.alive([owner, value, *arrays])
    if branches and max(branches, default=0) > trace.serial:
        return False  # a branch that began later may take the operations of the write
    run = trace.write(owner, steps, value, arrays, index)
    if run is None:
        return False
    _writable(x, trace)
    before = type(owner), owner._trace
    run()
    _forget_views(owner, before)
    return True


def _writable(x: Any, trace: Any) -> Any:
    """The owner of the memory, which may be written by a trace."""
    owner = owner_of(x)
    if type(x._memory) is View and not x._memory.writeable:
        raise ValueError("assignment destination is read-only")
    memory = owner._memory
    if memory is None:
        memory = owner._memory = Owner()
    if memory.born is None:
        memory.born = owner._trace, owner._trace.position(owner)
    if trace is not owner._trace:
        _check_joins(owner, trace, *memory.born)
        owner._trace.check_alone(owner)
    trace.note_write(owner, *memory.born)
    return owner


def note_outside(trace: Any, made_in: Any, position: Any) -> None:
    """Note a write of an array in each trace around one outside of which the array was made.

    A function with such a write cannot run again.
    """
    for outer, _ in trace.around:
        outer.escaped += not trace.began_before(made_in, position)
        trace = outer


def _forget_views(owner: Any, before: tuple[Any, Any]) -> None:  # class and trace before
    """Take the content of views, which is computed again where it is read.

    Where the array is written in place, their values stay: they are views of it.
    """
    memory, same = owner._memory, before == (type(owner), owner._trace)
    for entry in memory.current if same else memory.views:
        view = entry()
        if view is not None:
            names = ("_mark", *view._uses)
            view._trace, view.__class__ = owner._trace, owner.__class__
            _empty(view, names)
    memory.current = []


def path_of(x: Any, steps: Steps) -> list[Any]:
    """The array and what each step makes of it, by operations."""
    path = [x]
    for prim, params in steps:
        path.append(prim.bind(path[-1], **params)[0])
    return path


def written_back(path: Sequence[Any], steps: Steps, new: Any) -> Any:
    """The content of the first array of a path, after that of the last has changed to ``new``."""
    for base, (prim, params) in zip(reversed(path[:-1]), reversed(steps), strict=True):
        new = prim.viewing.put(base, new, **params)
    return new


def _check_joins(owner: Any, trace: Any, made_in: Any, position: Any) -> None:
    """Raise if a value of an inner transform is written into an older array."""
    if not trace.began_before(made_in, position):
        raise MutationError(
            f"an array made before {trace.origin} began cannot hold its values, because they would "
            f"outlive it: got {owner.aval}; write into a copy made inside, x = x.copy()"
        )


def give_content(x: Any, new: Any) -> None:
    """Make a tracer refer to the content of another."""
    mark, before = new._mark, x._uses
    x._mark, x._trace, x.__class__ = mark, new._trace, new.__class__
    for name in new._uses:
        setattr(x, name, getattr(new, name))
    if new._uses != before:
        _empty(x, [name for name in before if name not in new._uses])


def _empty(x: Any, names: Sequence[str]) -> None:
    for name in names:
        try:
            delattr(x, name)
        except AttributeError:  # it is forgotten already
            continue


def is_forgotten(x: Any) -> bool:
    """Whether a tracer is a view that waits to be computed again."""
    if type(x._memory) is not View:
        return False
    try:
        object.__getattribute__(x, "_mark")
    except AttributeError:
        return True
    return False


def recompute(view: Any) -> None:
    """Compute the content of a view from that of the owner of its memory."""
    memory = view._memory
    owner = memory.owner
    give_content(view, owner._trace.reread(owner, memory.steps))
    owner._memory.current.append(ref(view))


def snapshot(x: Any) -> Any:
    """A tracer with the content that ``x`` has now, which no later write changes."""
    y = object.__new__(x.__class__)
    y._memory, y._mark, y._trace = None, x._mark, x._trace
    if type(x._memory) is View and y._trace.runs_for_all:  # which knows no order of views
        y._memory = Owner(x)
    for name in x._uses:
        setattr(y, name, getattr(x, name))
    y._detach()
    return y


# arrays that a trace writes in place


def lend(y: Any, x: Any) -> Any:
    """Note that ``y``, which is no view of ``x`` in NumPy, has its memory until the next write."""
    owner = owner_of(x)
    if owner._memory is None:
        owner._memory = Owner()
    if owner._memory.lender is not None:
        owner = owner._memory.lender
    y._memory = Owner()
    y._memory.lender = owner
    owner._memory.lent.append(ref(y))
    owner._memory.drop_lost()
    return y


def is_lent(x: Any) -> bool:
    """Whether an array has the memory of another, of which it is no view in NumPy."""
    return type(x._memory) is Owner and x._memory.lender is not None


def keep_lent(owner: Any) -> None:
    """Give copies to all that have memory of the array and are no views of it."""
    memory = owner._memory
    if memory is None:
        return
    memory.lender = None  # the write gives the array memory of its own
    for entry in memory.lent:
        y = entry()
        if y is not None and type(y._memory) is not View:
            y._detach()
            y._memory.lender = None
            _forget_views(y, (None, None))  # which are views of the copy now
    memory.lent = []


def identity(x: Any) -> Any:
    """A key that is equal for tracers of the same content, as long as one of them is alive."""
    if not hasattr(x, "_memory"):
        return id(x)
    mark = x._mark if type(x._mark) is int else identity(x._mark)
    value = x.value if "value" in x._uses else None  # an unset slot is looked up at length
    return id(x._trace), identity(value), mark


def is_walked(x: Any) -> bool:
    """Whether a value belongs to a tape whose backward pass runs."""
    while hasattr(x, "_memory"):
        if getattr(x._trace, "walking", 0):
            return True
        x = getattr(x, "value", None)
    return False

"""The lines of one function in C, with the names that it uses, its memory, and its values."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ..compile.names import Names, label
from ..core.avals import Aval
from ..core.jaxpr import Atom, Eqn, Literal, Var
from .functions import cast
from .literals import ctype, number, plain
from .nests import Lines, Nest
from .values import TINY, Memory, Value, constant, in_memory, place, registers

INTERRUPTED = "INTERRUPTED"
LIMIT = 1 << 22  # ticks between two polls: four milliseconds
STACK = 1 << 11  # bytes of an array up to which it lies on the stack
STACKS = 1 << 15  # bytes of all of them
TOO_MANY_STEPS = "TOO_MANY_STEPS"  # the code for too little memory for the rows of a loop
INDICES = "ijklmnopqr"
_MATHEMATICS = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 "
    "fabs fdim floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 "
    "log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow remainder remquo "
    "rint round scalbln scalbn sin sinh sqrt tan tanh tgamma trunc"
)
_WORDS = (
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while bool true false main work ticks interrupted caller call "
    "prepare release_gil take_gil check_signals poll_signals tuple_item array_data scalar_data "
    "is_in_order size_t ptrdiff_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t "
    "uint64_t NAN INFINITY fpclassify isfinite isinf isnan isnormal signbit memchr memcmp memcpy "
    "memmove memset strcat strchr strcmp strcoll strcpy strcspn strerror strlen strncat strncmp "
    "strncpy strpbrk strrchr strspn strstr strtok strxfrm complex I first_part free_slot"
)
_OF_CPP = (
    "alignas alignof and asm catch class concept const_cast constexpr decltype delete explicit "
    "export friend mutable namespace new noexcept not nullptr operator or private protected public "
    "requires static_assert template this thread_local throw try typeid typename using virtual "
    "wchar_t xor"
)
_COMPLEX = "acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh exp log pow sqrt abs arg"
_OF_COMPLEX = ["conj", "creal", "cimag", "cproj", *[f"c{name}" for name in _COMPLEX.split()]]
_NAMES = [*_MATHEMATICS.split(), *_OF_COMPLEX]
_FUNCTIONS = [f"{name}{suffix}" for name in _NAMES for suffix in ("", "f", "l")]
RESERVED = frozenset([*_WORDS.split(), *_OF_CPP.split(), *_FUNCTIONS])  # no names of values
_OURS = re.compile(  # functions and macros in front of a program; a number behind one makes it free
    r"\w+_(?:double|float|bool|u?int\d+)|(?:philox|threefry2x32)_(?:split|fold_in|words|block)|"
    r"U?INT\w*_(?:MIN|MAX|C)|SIZE_MAX|FP_(?:NAN|INFINITE|ZERO|SUBNORMAL|NORMAL)|HUGE_VAL[FL]?|NULL|"
    r"MATH_ERR(?:NO|EXCEPT)|math_errhandling|INLINED|INDEPENDENT|EXPORTED|NOT_FINITE|"
    r"INDEX_OUT_OF_RANGE|SINGULAR_MATRIX|TOO_MANY_STEPS|NOT_POSITIVE_DEFINITE|INTERRUPTED"
)


class Statements(Lines):
    """A function under construction."""

    def __init__(self) -> None:
        super().__init__()
        self.names = Names()
        self.used = set(RESERVED)
        self.counts: dict[str, int] = {}
        self.stack = 0  # bytes of the arrays on it
        self.stacks = STACKS  # and the most
        self.slots: list[Memory] = []  # the arrays of the workspace
        self.vacant: list[Memory] = []  # those that hold no live value
        self.tables: dict[bytes, str] = {}  # constant arrays, by their elements
        self.top: list[str] = []  # their definitions
        self.noted = ""  # the source line of the last comment
        self.eqn: Eqn | None = None  # the equation that is written
        self.around = ""  # the source line of the equation that holds the program
        self.polls = False  # whether long loops ask the caller whether to stop
        self.polled = False  # and whether one does
        self.wanted: list[tuple[Value | None, str]] = []  # target and name of each output
        self.fails = False  # whether it may return the code of a failure
        self.out = Aval((), np.dtype(float))  # the first output of the equation
        self.over: set[int] = set()  # operands over which it may be written
        self.copies: dict[Memory, Memory] = {}  # of arrays of the caller, in whole cache lines
        self.rows: tuple[str, str] | None = None  # memory of the caller, and its bytes, if used
        self.taken: tuple[str, str, str] | None = None  # the part in use: start, room, bytes

    def name(self, hint: str = "") -> str:
        """A new name."""
        given = label(hint.encode("ascii", "ignore").decode()) or "t"
        name = given.lstrip("_") or "t"
        name = name if not name[0].isdigit() else f"t{name}"
        while name in self.used or _OURS.fullmatch(name):
            self.counts[given] = self.counts.get(given, 1) + 1
            name = f"{given.lstrip('_') or 't'}_{self.counts[given]}"
        self.used.add(name)
        return name

    def memory(self, aval: Aval, hint: str = "") -> Memory:
        """Memory for a temporary: on the stack if it is small, else in the workspace."""
        size = aval.size * aval.dtype.itemsize
        if size <= STACK and self.stack + size <= self.stacks:
            self.stack += size
            memory = Memory(self.name(hint), aval, owned=True)
            self.line(f"{ctype(aval.dtype)} {memory.name}[{max(aval.size, 1)}];{_told(aval)}")
            return memory
        fitting = [
            m for m in self.vacant if m.aval.dtype == aval.dtype and m.aval.size >= aval.size
        ]
        slot = min(fitting, key=lambda m: m.aval.size, default=None)
        if slot is None:
            slot = Memory(self.name(hint), Aval((aval.size,), aval.dtype), owned=True)
            self.slots.append(slot)
            slot.free = lambda: self.vacant.append(slot)
        else:
            assert slot.references == 0
            self.vacant.remove(slot)
        return slot

    def array(self, aval: Aval, k: int = 0) -> Value:
        """Memory for output number ``k`` of the equation that is written."""
        ctype(aval.dtype)
        target, hint = self.wanted[k] if k < len(self.wanted) else (None, "")
        if target is not None and target.aval == Aval(aval.shape, aval.dtype):
            return target
        return in_memory(self.memory(aval, hint), aval)

    def bind(self, env: dict[Var, Value], var: Var, value: Value) -> None:
        """Set the value of a variable."""
        env[var] = value
        if value.memory is not None:
            value.memory.references += 1

    def release(self, value: Value) -> None:
        """Count one live value less in its memory."""
        if (memory := value.memory) is not None:
            memory.references -= 1
            if memory.references == 0 and memory.free is not None:
                memory.free()

    @contextmanager
    def retained(self, values: Sequence[Value]) -> Iterator[None]:
        """Keep the memory of values that are not bound yet, though lines inside release it."""
        memories = [x.memory for x in values if x.memory is not None]
        for memory in memories:
            memory.references += 1
        yield
        for memory in memories:
            memory.references -= 1

    def define(self, aval: Aval, texts: Sequence[str], hint: str = "") -> Value:
        """Constants for the elements of a small value."""
        kind = ctype(aval.dtype)
        if len(texts) == 1:
            name = self.name(hint)
            self.line(f"const {kind} {name} = {texts[0]};")
            return registers(aval, [name])
        base = self.name(hint)
        names = [self.name(f"{base}_{i}") for i in range(len(texts))]
        for name, text in zip(names, texts, strict=True):
            self.line(f"const {kind} {name} = {text};")
        return registers(aval, names)

    def loaded(self, x: Value, hint: str = "") -> Value:
        """A small value in registers."""
        if x.memory is None or x.aval.size > TINY:
            return x
        return self.define(x.aval, x.items, hint)

    def cast(self, x: Value, dtype: np.dtype) -> Value:
        """A small value in another dtype."""
        return self.define(Aval(x.aval.shape, dtype), [cast(t, x, dtype) for t in x.items])

    def filled(self, aval: Aval, value: complex) -> Value:
        """An array of one number, whose text has the dtype: isnan of an integer is refused."""
        one = registers(Aval((), aval.dtype), [number(value, aval.dtype)])
        if aval.size <= TINY:
            return one.broadcast(aval.shape)
        out = self.array(aval)
        self.copy(out, one)
        return out

    def stored(self, x: Value) -> Value:
        """A value in memory."""
        if x.memory is not None:
            return x
        if x.number is not None:
            x = constant(x.number, x.aval)
        once = tuple([slice(1) if not stride else slice(None) for stride in x.strides])
        if x.aval.ndim and x.layout[once].size < x.aval.size:  # repeated elements are kept once
            return self.stored(x.viewed(lambda a: a[once])).broadcast(x.aval.shape)
        aval = Aval(x.aval.shape, x.aval.dtype)
        name = self.name(f"{x.items[0].rpartition('_')[0] or 'all'}" if x.aval.size > 1 else "at")
        self.line(
            f"const {ctype(aval.dtype)} {name}[{max(aval.size, 1)}] = {{{', '.join(x.items)}}};"
        )
        return in_memory(Memory(name, aval), aval)

    def in_order(self, x: Value) -> Value:
        """A value whose elements lie in C order, or in registers."""
        if x.memory is None or x.contiguous:
            return x
        copied = in_memory(self.memory(x.aval), x.aval)
        self.copy(copied, x)
        return copied

    def in_lines(self, x: Value) -> Value:
        """A value whose array of the caller is copied to whole cache lines, once in a function."""
        memory = x.memory
        if memory is None or memory.owned or x.last >= memory.aval.size:
            return x
        if memory not in self.copies:
            copied = self.scratch(Aval((memory.aval.size,), memory.aval.dtype), memory.name)
            self.copy(copied, in_memory(memory, copied.aval))
            assert copied.memory is not None
            self.copies[memory] = copied.memory
        return Value(x.aval, x.layout, self.copies[memory], x.number)

    def copy(self, out: Value, x: Value) -> None:
        """Write the elements of a value, broadcast, into memory, cast to its dtype."""
        x = x if x.aval.shape == out.aval.shape else x.broadcast(out.aval.shape)
        if not out.aval.size:
            return
        kind = ctype(out.aval.dtype)
        same = x.memory is not None and x.aval.dtype == out.aval.dtype
        if same and x.contiguous and out.contiguous and out.aval.size > TINY:
            names = [
                f"{m.name} + {v.offset}" if v.offset else m.name
                for v in (out, x)
                if (m := v.memory)
            ]
            return self.line(f"memcpy({names[0]}, {names[1]}, {out.aval.size} * sizeof({kind}));")
        if x.memory is None and (x.aval.size <= TINY or len(set(x.items)) > 1):
            for place, item in zip(out.items, x.items, strict=True):
                self.line(f"{place} = {cast(item, x, out.aval.dtype)};")
            return None
        arrays = [out] if x.memory is None else [out, x]
        nest = Nest(out.aval.shape, arrays, self.indices(out.aval.ndim))
        with self.loops(nest.lengths, nest.indices):
            item = x.items[0] if x.memory is None else nest.at(x)
            self.line(f"{nest.at(out)} = {cast(item, x, out.aval.dtype)};")
        return None

    def start(self, x: Value, indices: Sequence[str] = ()) -> str:
        """The address of the first element of an array, at indices of its first axes."""
        assert x.memory is not None
        at = place(x.offset, x.strides[: len(indices)], indices)
        return x.memory.name if at == "0" else f"{x.memory.name} + {at}"

    def indices(self, count: int) -> list[str]:
        """Names of the indices of a loop nest, which no line around it uses."""
        found = [c for c in INDICES if c not in self.used]
        found += [f"i{k}" for k in range(count) if f"i{k}" not in self.used]
        return found[:count]

    @contextmanager
    def using(self, names: Sequence[str]) -> Iterator[None]:
        """Keep names of indices from loops inside."""
        fresh = set(names) - self.used
        self.used |= fresh
        yield
        self.used -= fresh

    def fail_if(self, condition: str, code: str) -> None:
        """Write a check; where it holds, the function returns a code."""
        self.fails = True
        self.line(f"if ({condition})")
        self.line(f"    return {code};")

    def poll(self, ticks: int, steps: int = LIMIT) -> None:
        """Count the ticks of a step of a long loop, and stop it if the caller says so."""
        if not self.polls or ticks * steps <= LIMIT:
            return
        self.polled = True
        self.line(f"ticks += {min(ticks, LIMIT)};")
        with self.braces(f"if (ticks > {LIMIT})"):
            self.line("ticks = 0;")
            self.line("if (interrupted(caller))")
            self.line(f"    return {INTERRUPTED};")

    def read(self, atom: Atom, env: dict[Var, Value]) -> Value:
        """The value of an atom."""
        return constant(atom.value, atom.aval) if isinstance(atom, Literal) else env[atom]

    def note(self, eqn: Eqn) -> None:
        """The user's line as a comment, where it is another, and not that of the loop around it."""
        self.eqn = eqn
        if eqn.source and eqn.source != self.noted and eqn.line != self.around:
            self.noted = eqn.source
            self.comment(self.names.location(eqn))

    def comment(self, text: str) -> None:
        self.line(f"/* {plain(text)} */")

    def arena(self) -> tuple[str, str]:
        """The start of the free memory of the caller, and its bytes."""
        if self.rows is None:
            self.rows = self.name("rows"), self.name("room")
        if self.taken is None:
            return self.rows
        start, room, size = self.taken
        used, rest, left = map(self.name, ("used", "rest", "left"))
        self.line(f"const int64_t {used} = ({size} + 15) / 16 * 16;")
        self.line(f"char *{rest} = (char *){start} + {used};")
        self.line(f"const int64_t {left} = {room} - {used};")
        return rest, left

    @contextmanager
    def above(self, start: str, room: str, size: str) -> Iterator[None]:
        """Keep the bytes from ``start`` on from loops inside."""
        before, self.taken = self.taken, (start, room, size)
        yield
        self.taken = before

    def scratch(self, aval: Aval, hint: str = "") -> Value:
        """Memory for the lines of one equation; the caller releases it."""
        value = in_memory(self.memory(aval, hint), aval)
        assert value.memory is not None
        value.memory.references += 1
        return value


def _told(aval: Aval) -> str:
    return f" /* {aval} */" if len(aval.shape) > 1 else ""

"""jit: stage a function once for each key, compile it to NumPy source, and run that."""

import functools
import operator
import pickle
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Concatenate, Generic, NamedTuple, overload

import numpy as np
from typing_extensions import Unpack

from ...compile.memory_report import MemoryReport
from ...core import tree
from ...core.axes import axis_env
from ...core.blocks import Block, check_switch
from ...core.buffers import returned
from ...core.cache import Cache
from ...core.config import Settings, current
from ...core.errors import shown
from ...core.explanations import too_deep
from ...core.jaxpr import ClosedJaxpr
from ...core.lazy import answering
from ...core.pickling import found_by_name, is_global, portable
from ...core.registry import load
from ...core.tree_code import MISS, Static
from ..arguments import check_callable
from ..nans import OFF, debugging
from ..typevars import P, Q, R
from ..untraced import handed
from .explain import compared
from .key import ArgSpec, JitOptions
from .signature import Entry, Signature, entry, stage_call

_RECENT = 4  # how many signatures a call tries before it looks for its own
_SHOWN = 4  # programs that a notebook shows
_serial = operator.attrgetter("serial")

# of the context of a call
_mode, _settings, _axes = debugging.get, current.get, axis_env.get

_NO_AXES: Mapping[Hashable, Any] = {}


class CacheInfo(NamedTuple):
    """How many calls found their program, how many compiled one, and how many are kept."""

    hits: int
    misses: int
    currsize: int


class Compiled(Generic[P, R]):
    """A compiled function, as :func:`jit` makes it.

    Args:
        fun: the function.
        options: all options of :func:`jit`.
    """

    # calls with these settings try these entries first
    _recent: tuple[Settings | None, tuple[tuple[Entry, Signature], ...]]

    def __init__(self, fun: Callable[P, R], options: JitOptions) -> None:
        functools.update_wrapper(self, fun)
        self.fun, self.options = fun, options
        self.spec = ArgSpec(fun, **options)
        self.clear_cache()

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if _mode() is not OFF:
            return self._debugged(args, kwargs)
        settings, rows = self._recent
        if settings is _settings() and not _axes(_NO_AXES):
            for call, _ in rows:
                out = call(args, kwargs)
                if out is not MISS:
                    self._hits += 1
                    return out
        return self._called(args, kwargs)

    def _debugged(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function itself, or check each operation of its program."""
        mode = debugging.get()
        if mode.uncompiled:
            plain: Any = [x.value if isinstance(x, Static) else x for x in args]
            call = lambda args, kwargs: tree.map(returned, self.fun(*args, **kwargs))
            return handed(call, (plain, kwargs))
        if mode.check is None:
            return self._called(args, kwargs)
        signature, operands = self._signature(args, kwargs)
        return mode.check.call(lambda *operands: signature.bind(operands), operands)

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call by the signature, traced or not."""
        try:
            missed = self._misses
            signature, operands = self._signature(args, kwargs)
            self._hits += self._misses == missed
            if signature.is_traced(operands):
                return signature.bind(operands)
            if not (axis_env.get(_NO_AXES) or signature.has_effects):
                settings, rows = self._recent
                if settings is not current.get():
                    rows = tuple([r for r in rows if r[1].key.backend == signature.key.backend])
                row = signature.entry, signature
                rows = rows if row in rows else (row, *rows)[:_RECENT]
                self._recent = current.get(), rows
            out = signature.entry(args, kwargs)
            return signature.run(operands) if out is MISS else out
        except RecursionError as err:
            raise too_deep(self, err) from None

    def _signature(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Signature, list[Any]]:
        """The signature of a call, staged if it is new, and the operands of the call."""
        call = self.spec.flatten(args, kwargs)
        signature = self._signatures.get(call.key)
        if signature is None:
            signature = stage_call(self.spec, call, self._misses)
            self._misses += 1
            if signature.lasts:
                self._keep(signature)
        return signature, call.operands

    def _keep(self, signature: Signature) -> None:
        """Keep a signature; drop the least recently used ones, and idle workspaces."""
        settings, rows = self._recent
        for _, s in reversed(rows):  # their calls did not come here
            self._signatures.get(s.key)
        self._signatures.put(signature.key, signature)
        self._recent = settings, rows[: current.get().jit_cache_size - 1]
        if self._misses % 8:  # the walk takes a while
            return
        left = current.get().jit_workspace_bytes
        for s in reversed(self._signatures.values()):
            for program in s.programs():
                left -= program.arena
                if left < 0:
                    program.trim()

    @overload
    def __get__(self, instance: None, owner: Any = None) -> "Compiled[P, R]": ...

    @overload
    def __get__(
        self: "Compiled[Concatenate[Any, Q], R]", instance: object, owner: Any = None
    ) -> Callable[Q, R]: ...

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        is_tree = tree.handler_of(instance) is not None
        call: Callable[..., Any] = self
        return functools.partial(call, instance if is_tree else Static(instance))

    def __reduce__(self) -> Any:
        if found_by_name(self):
            return self.fun.__qualname__
        self.spec.placement.check_pickles(self.fun.__name__)
        if not self._pickles():
            by_value = portable(self.fun)
            with suppress(Exception):  # what it closes over may not be pickled
                pickle.dumps(by_value)
                return Compiled, (by_value, self.options)
            frozen = [s.frozen() for s in self._signatures.values() if not s.named]
            if not frozen and is_global(self):  # of a script, which the workers of a pool run too
                return self.fun.__qualname__
            return Frozen, (getattr(self.fun, "__name__", "function"), frozen)
        return Compiled, (self.fun, self.options)

    def _pickles(self) -> bool:
        """Whether the function itself can be pickled: a lambda, or a local one, cannot."""
        fun: Any = self.fun
        while isinstance(fun, functools.partial):
            fun = fun.func
        if isinstance(fun, Compiled) and not isinstance(fun.__reduce__(), str):
            return fun._pickles()
        try:
            pickle.dumps(self.fun)
        except (pickle.PicklingError, AttributeError, TypeError):
            return False
        return True

    def __repr__(self) -> str:
        return f"<jit of {getattr(self.fun, '__qualname__', repr(self.fun))}>"

    def _repr_html_(self) -> str:
        html, programs = load("funcgrad.core.html"), sorted(self._signatures.values(), key=_serial)
        kept = [html.folded(s.heading(), s.text(standalone=False)) for s in programs[-_SHOWN:]]
        hidden = len(programs) - len(kept)
        return str(html.page(html.escape(repr(self)), f" ({hidden} older)" * (hidden > 0), *kept))

    # about the program of a call

    def source(
        self, /, *args: Any, standalone: bool = False, lang: str = "numpy", **kwargs: Any
    ) -> str:
        """The source that a call with such arguments runs.

        Args:
            *args: arguments, or ShapeDtypeStructs for the arrays.
            standalone: whether to return a module that imports only NumPy.
            lang: "numpy"; or "c" for the whole program as one function in C99.
            **kwargs: keyword arguments.

        Raises:
            UnsupportedError: if ``lang`` is "c" and an operation cannot be written in it.
        """
        if lang not in ("numpy", "c"):
            raise ValueError(f"source: lang must be 'numpy' or 'c': got {shown(lang)}")
        signature = self._signature(args, kwargs)[0]
        return signature.text_in_c() if lang == "c" else signature.text(standalone)

    def jaxpr(self, /, *args: Any, **kwargs: Any) -> ClosedJaxpr:
        """The jaxpr of a call with such arguments, before compilation."""
        return self._signature(args, kwargs)[0].closed

    def memory(self, /, *args: Any, **kwargs: Any) -> MemoryReport:
        """The memory that a call with such arguments is planned to take, by equation."""
        return self._signature(args, kwargs)[0].memory()

    def explain(self, /, *args: Any, **kwargs: Any) -> str:
        """Why a call with such arguments would compile; without arguments, why the last one did."""
        signatures = sorted(self._signatures.values(), key=_serial)
        if not args and not kwargs:
            if not signatures:
                return f"{self!r}: nothing was compiled yet"
            return f"{self!r}: {_reason(signatures[-1], signatures)}{signatures[-1].backend()}"
        call = self.spec.flatten(args, kwargs)
        for s in signatures:
            if s.key == call.key:
                return f"{self!r}: it is compiled: {_reason(s, signatures)}{s.backend()}"
        return f"{self!r}: it would compile: {compared(call, signatures)}"

    def cache_info(self) -> CacheInfo:
        """How many calls found their program, how many compiled one, and how many are kept."""
        return CacheInfo(self._hits, self._misses, len(self._signatures))

    def clear_cache(self) -> None:
        """Drop all programs; the next call compiles again."""
        self._signatures: Cache[Signature] = Cache()
        self._recent = None, ()
        self._hits = self._misses = 0


def _reason(signature: Signature, signatures: Sequence[Signature]) -> str:
    """Why a signature was compiled, by those before it that are kept."""
    before = [s for s in signatures if s.serial < signature.serial]
    if signature.serial and not before:
        return "the programs compiled before are not kept any more: see config.jit_cache_size"
    return compared(signature, before)


class Frozen:
    """The programs of a compiled function, pickled without the function: a lambda.

    Args:
        name: the name of the function.
        parts: the arguments of :func:`entry` for each program.
    """

    def __init__(self, name: str, parts: Sequence[tuple[Any, ...]]) -> None:
        self.name, self.parts = name, list(parts)
        self.entries = [entry(*part) for part in self.parts]

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        for call in self.entries:
            out = call(args, kwargs)
            if out is not MISS:
                return out
        raise TypeError(
            f"jit: {self.name} was pickled without its function, with programs for "
            f"{len(self.entries)} signatures, and these arguments are of none of them; install "
            f"cloudpickle, or pickle a function that a module defines by its name"
        )

    def __reduce__(self) -> Any:
        return Frozen, (self.name, self.parts)


def disable_jit(disable: bool = True) -> Block:
    """Within a block, call compiled functions uncompiled, to debug them.

    >>> with disable_jit():  # Python's ``if`` then sees numbers
    ...     print(jit(lambda x: x if x > 0 else -x)(-2.0))
    2.0
    """
    check_switch("disable_jit", "disable", disable)
    return Block("disable_jit", lambda: _uncompiled(disable))


@contextmanager
def _uncompiled(disable: bool) -> Iterator[None]:
    token = debugging.set(debugging.get()._replace(uncompiled=disable))
    try:
        yield
    finally:
        debugging.reset(token)


@overload
def jit(fun: np.ufunc, /, **options: Unpack[JitOptions]) -> Compiled[..., Any]: ...
@overload
def jit(fun: Callable[P, R], /, **options: Unpack[JitOptions]) -> Compiled[P, R]: ...
@overload
def jit(**options: Unpack[JitOptions]) -> Callable[[Callable[P, R]], Compiled[P, R]]: ...


@answering
def jit(
    fun: Callable[..., Any] | None = None,
    /,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Sequence[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Sequence[str] | None = None,
    memory_limit: int | str | None = None,
    threads: int = 1,
    debug_nans: bool = False,
    backend: str | None = None,
    device: Any = None,
    in_shardings: Any = None,
    out_shardings: Any = None,
) -> Any:
    """Compile a function: trace it once for each signature, and run the trace as NumPy source.

    jit : (a -> b) -> (a -> b)

    Args:
        fun: a function of arrays, or of trees of arrays; numbers in Python's ``if`` must be static.
        static_argnums: positions of arguments that are not traced; they must be hashable.
        static_argnames: names of such arguments.
        donate_argnums: positions of arguments whose memory results may take: write ``x = f(x)``.
        memory_limit: bytes of temporaries, or "200 MB"; what does not fit is computed again.
        threads: how many share the loops over blocks of big arrays; they pay on idle cores.
        debug_nans: whether to name the operation that gave a nan or inf; nothing is then donated.
        backend: "numpy"; "c" for loops and chains in C; "auto" where it pays; "jax" for XLA.
        device: for "jax": a device of JAX, or "cpu", "gpu", "tpu"; shardings of JAX likewise.

    Raises:
        ConcretizationError: if ``fun`` needs the value of an argument that is not static.
        TypeError: if a static argument is not hashable, or an argument is no array.

    Arrays that ``fun`` closes over become constants. See ``source``, ``explain``, ``memory``.

    >>> import numpy as np
    >>> double = jit(lambda x: 2 * x)
    >>> print(double(np.ones(2)), double.cache_info().misses)
    [2. 2.] 1
    """
    options = JitOptions(
        static_argnums=static_argnums,
        static_argnames=static_argnames,
        donate_argnums=donate_argnums,
        donate_argnames=donate_argnames,
        memory_limit=memory_limit,
        threads=threads,
        debug_nans=debug_nans,
        backend=backend,
        device=device,
        in_shardings=in_shardings,
        out_shardings=out_shardings,
    )
    if fun is None:
        return lambda fun: jit(fun, **options)
    check_callable("jit", fun)
    return Compiled(fun, options)

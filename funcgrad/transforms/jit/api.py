"""jit: stage a function once for each signature, compile it to NumPy source, and run that."""

import functools
import pickle
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from ...compile.memory import MemoryReport
from ...core import tree
from ...core.axes import axis_env
from ...core.cache import Cache
from ...core.config import config
from ...core.errors import too_deep
from ...core.jaxpr import ClosedJaxpr
from ...core.pickling import found_by_name, portable
from ..arguments import check_callable
from ..nans import Debugging, debugging
from .argspec import ArgSpec
from .entry import entry
from .explain import compared
from .key import MISS, Static
from .signature import Signature, stage_call

_RECENT = 4  # how many signatures a call tries before it looks for its own

_NO_AXES: Mapping[Hashable, Any] = {}


class CacheInfo(NamedTuple):
    """How often a call found its program, how often one was compiled, how many there are."""

    hits: int
    misses: int
    currsize: int


class Jit:
    """A compiled function; it is made by :func:`jit`, which says what it does."""

    def __init__(self, fun: Callable[..., Any], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, fun)
        self.fun, self.options = fun, options
        self.spec = ArgSpec(fun, **options)
        self.clear_cache()

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if debugging.get():
            return self._debugged(args, kwargs)
        for call in self._recent if not axis_env.get(_NO_AXES) else ():
            out = call(args, kwargs)
            if out is not MISS:
                self._hits += 1
                return out
        return self._called(args, kwargs)

    def _debugged(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Call the function as it is, or check each operation of its program."""
        mode = debugging.get() or Debugging()
        if mode.uncompiled:
            return self.fun(*(x.value if isinstance(x, Static) else x for x in args), **kwargs)
        if mode.check is None:
            return self._called(args, kwargs)
        signature, leaves = self._signature(args, kwargs)
        return mode.check.call(lambda *leaves: signature.bind(leaves), leaves)

    def _called(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Call as any signature needs it, traced or not."""
        try:
            missed = self._misses
            signature, leaves = self._signature(args, kwargs)
            self._hits += self._misses == missed
            if signature.is_traced(leaves):
                return signature.bind(leaves)
            if signature.entry not in self._recent and not axis_env.get(_NO_AXES):
                self._latest = (signature, *self._latest)[:_RECENT]
                self._recent = tuple([s.entry for s in self._latest])
            out = signature.entry(args, kwargs)
            return signature.run(leaves) if out is MISS else out
        except RecursionError as err:
            raise too_deep(self, err) from None

    def _signature(self, args: tuple, kwargs: dict[str, Any]) -> tuple[Signature, list[Any]]:
        """Return the signature of a call, staged if it is new, and the leaves of the call."""
        call = self.spec.flatten(args, kwargs)
        signature = self._signatures.get(call.key)
        if signature is None:
            signature = stage_call(self.spec, call, self._misses)
            self._misses += 1
            if signature.lasts:
                self._keep(signature)
        return signature, call.operands

    def _keep(self, signature: Signature) -> None:
        """Keep a signature; drop the least recently used, and then their idle workspaces."""
        for s in reversed(self._latest):  # whose calls went to their entries at once
            self._signatures.get(s.key)
        self._signatures.put(signature.key, signature)
        limit = config.jit_cache_size - 1
        if len(self._latest) > limit:
            self._latest, self._recent = self._latest[:limit], self._recent[:limit]
        if self._misses % 8:  # the walk takes a while
            return
        left = config.jit_workspace_bytes
        for s in reversed(self._signatures.values()):
            for program in s.programs():
                left -= program.source.arena
                if left < 0:
                    program.trim()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        is_tree = tree.handler_of(instance) is not None
        return functools.partial(self, instance if is_tree else Static(instance))

    def __reduce__(self) -> Any:
        if found_by_name(self):
            return self.fun.__qualname__
        if not self._pickles():
            by_value = portable(self.fun)
            with suppress(Exception):  # what it closes over may not be pickled
                pickle.dumps(by_value)
                return Jit, (by_value, self.options)
            frozen = [s.frozen() for s in self._signatures.values() if not s.named]
            return Frozen, (getattr(self.fun, "__name__", "function"), frozen)
        return Jit, (self.fun, self.options)

    def _pickles(self) -> bool:
        """Return whether the function itself can be pickled: a lambda, or a local one, cannot."""
        fun = self.fun
        while isinstance(fun, functools.partial):
            fun = fun.func
        if isinstance(fun, Jit) and not isinstance(fun.__reduce__(), str):
            return fun._pickles()
        try:
            pickle.dumps(self.fun)
        except (pickle.PicklingError, AttributeError, TypeError):
            return False
        return True

    def __repr__(self) -> str:
        return f"<jit of {getattr(self.fun, '__qualname__', repr(self.fun))}>"

    # what may be asked of it

    def source(self, /, *args: Any, standalone: bool = False, **kwargs: Any) -> str:
        """Return the NumPy source that a call with such arguments runs.

        Args:
            *args: arguments, or ShapeDtypeStructs in the place of arrays.
            standalone: whether to return a module that imports NumPy alone.
            **kwargs: keyword arguments.
        """
        return self._signature(args, kwargs)[0].text(standalone)

    def jaxpr(self, /, *args: Any, **kwargs: Any) -> ClosedJaxpr:
        """Return the program of a call with such arguments, as it was staged."""
        return self._signature(args, kwargs)[0].closed

    def memory(self, /, *args: Any, **kwargs: Any) -> MemoryReport:
        """Return what memory a call with such arguments is planned to take, by equation."""
        return self._signature(args, kwargs)[0].memory()

    def explain(self, /, *args: Any, **kwargs: Any) -> str:
        """Return why a call with such arguments would compile, or why the last compiled did."""
        signatures = sorted(self._signatures.values(), key=lambda s: s.serial)
        if not args and not kwargs:
            last = _reason(signatures[-1], signatures) if signatures else "nothing was compiled yet"
            return f"{self!r}: {last}"
        call = self.spec.flatten(args, kwargs)
        for s in signatures:
            if s.key == call.key:
                return f"{self!r}: it is compiled: {_reason(s, signatures)}"
        return f"{self!r}: it would compile: {compared(call, signatures)}"

    def cache_info(self) -> CacheInfo:
        """Return how many calls found their program, and how many compiled one."""
        return CacheInfo(self._hits, self._misses, len(self._signatures))

    def clear_cache(self) -> None:
        """Forget all programs; the next call compiles again."""
        self._signatures: Cache[Signature] = Cache()
        self._latest: tuple[Signature, ...] = ()  # called last, and their entries
        self._recent: tuple[Callable[[tuple, dict], Any], ...] = ()
        self._hits = self._misses = 0


def _reason(signature: Signature, signatures: Sequence[Signature]) -> str:
    """Return why a signature was compiled, by those before it that are kept."""
    before = [s for s in signatures if s.serial < signature.serial]
    if signature.serial and not before:
        return "the programs compiled before are not kept any more: see config.jit_cache_size"
    return compared(signature, before)


class Frozen:
    """The programs of a compiled function without the function: what pickling a lambda's keeps."""

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


@contextmanager
def disable_jit(disable: bool = True) -> Iterator[None]:
    """Call functions as they are, for the time of a block: to debug them.

    >>> with disable_jit():  # so that Python's ``if`` sees numbers
    ...     print(jit(lambda x: x if x > 0 else -x)(-2.0))
    2.0
    """
    token = debugging.set((debugging.get() or Debugging())._replace(uncompiled=disable))
    try:
        yield
    finally:
        debugging.reset(token)


def jit(
    fun: Callable[..., Any] | None = None,
    /,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Sequence[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Sequence[str] | None = None,
    memory_limit: int | None = None,
    threads: int = 1,
    debug_nans: bool = False,
) -> Any:
    """Return ``fun`` compiled: traced once for each signature, and run as NumPy source.

    jit : (a -> b) -> (a -> b)

    Args:
        fun: a function of arrays, or of trees of arrays; numbers in Python's ``if`` must be static.
        static_argnums: positions of arguments to pass as they are; they must be hashable.
        static_argnames: names of such arguments.
        donate_argnums: positions of arguments whose memory the outputs may take.
        donate_argnames: names of such arguments.
        memory_limit: bytes that temporaries may take; what does not fit is computed again.
        threads: how many share the loops over blocks of big arrays; they pay on idle cores.
        debug_nans: whether to name what made a nan or inf in a result; nothing is then donated.

    Raises:
        ConcretizationError: if ``fun`` needs the number behind an argument that is not static.
        TypeError: if a static argument is not hashable, or an argument is no array.

    What ``fun`` closes over becomes a constant. The ``config.jit_cache_size`` programs called last
    are kept. See ``source``, ``explain``, ``memory``.

    >>> import numpy as np
    >>> double = jit(lambda x: 2 * x)
    >>> print(double(np.ones(2)), double.cache_info().misses)
    [2. 2.] 1
    """
    options = {
        "static_argnums": static_argnums,
        "static_argnames": static_argnames,
        "donate_argnums": donate_argnums,
        "donate_argnames": donate_argnames,
        "memory_limit": memory_limit,
        "threads": threads,
        "debug_nans": debug_nans,
    }
    if fun is None:
        return lambda fun: jit(fun, **options)
    check_callable("jit", fun)
    return Jit(fun, options)

"""Text of programs in JAX's notation, nested programs indented.

It reads only the fields of a program (`eqns`, `invars`, ...), so that `jaxpr.py` can import it.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any


def show(jaxpr: Any, indent: str = "") -> str:
    """Format a program."""
    names = _Names()
    consts, ins = names.typed(jaxpr.constvars), names.typed(jaxpr.invars)
    lines = [f"{{ lambda {consts}; {ins}. let"]
    for eqn in jaxpr.eqns:
        right = (eqn.prim.name + _params(eqn.params, indent), *map(names.atom, eqn.ins))
        left = f"{names.typed(eqn.outs)} = " if eqn.outs else ""
        lines.append(f"    {left}{' '.join(right)}")
    outs = ", ".join(map(names.atom, jaxpr.outvars))
    lines.append(f"  in ({outs}{',' if len(jaxpr.outvars) == 1 else ''}) }}")
    return f"\n{indent}".join(lines)


class _Names:
    """Letters for variables in order of appearance."""

    def __init__(self) -> None:
        self.fresh = _letters()
        self.given: dict[Any, str] = {}

    def atom(self, atom: Any) -> str:
        if hasattr(atom, "value"):  # a literal
            return str(atom.value)
        if atom not in self.given:
            self.given[atom] = next(self.fresh)
        return self.given[atom]

    def typed(self, variables: Sequence[Any]) -> str:
        return " ".join(f"{self.atom(v)}:{v.aval}" for v in variables)


def _letters() -> Iterator[str]:
    """Yield a, b, ..., z, aa, ab, ..."""
    for n in itertools.count(1):
        yield from map("".join, itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=n))


def _params(params: dict[str, Any], indent: str) -> str:
    if not params:
        return ""
    if not any(map(_programs, params.values())):
        return f"[{' '.join(f'{k}={_word(v)}' for k, v in params.items())}]"
    inner = indent + "      "
    rows = "".join(f"\n{inner}{k}={_param(v, inner)}" for k, v in params.items())
    return f"[{rows}\n{indent}    ]"


def _programs(value: Any) -> list[Any]:
    """The open programs in a parameter, if it is one or a tuple of them."""
    parts = value if isinstance(value, tuple) else (value,)
    programs = [getattr(part, "jaxpr", part) for part in parts]
    return programs if programs and all(hasattr(p, "constvars") for p in programs) else []


def _param(value: Any, indent: str) -> str:
    programs = _programs(value)
    if not programs:
        return _word(value)
    if not isinstance(value, tuple):
        return show(programs[0], indent)
    rows = (f"\n{indent}  {show(program, indent + '  ')}" for program in programs)
    return f"({''.join(rows)}\n{indent})"


def _word(value: Any) -> str:
    """A parameter in one word; of a function its name, not its address."""
    return getattr(value, "__name__", None) or str(value)

"""The function of a standalone module that takes the user's arguments and calls the program."""

from collections.abc import Collection, Sequence
from inspect import Parameter
from typing import Any

from ...compile.names import is_name, label, quote
from ...compile.source import Source
from ...compile.standalone import standalone
from ...compile.text import literal
from ...core import tree
from ...core.avals import Aval
from ...core.errors import FuncgradError, UnsupportedError
from ...core.nodes import DictKey, GetAttrKey, SequenceKey
from ...core.tree_code import Static, plain_tree
from ..places import Place
from .key import ArgSpec

_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def standalone_module(
    spec: ArgSpec,
    leaves: Sequence[tuple[tuple[Place, tree.Path], Aval | Static]],
    source: Source,
    consts: Sequence[Any],
    out_tree: tree.TreeDef,
    name: str,
) -> str:
    """The text of a module that runs a program on the user's arguments.

    Args:
        spec: the parameters of the function.
        leaves: argument and path of each leaf of a call, and its aval or static value.
        source: the program.
        consts: its constants.
        out_tree: the structure of its output.
        name: the name of the function.
    """
    spelled = Spelled(spec.parameters, [place for (place, _), _ in leaves])
    operands: list[str] = []
    wanted: list[tuple[str, Aval]] = []
    statics: list[str] = []
    fixed: list[tuple[str, str]] = []
    for (place, path), leaf in leaves:
        told = quote(spec.name_of(place, path))
        if not isinstance(leaf, Static):
            operands.append(spelled.leaf(place, path))
            wanted.append((told, leaf))
            continue
        try:
            text, expression = literal(leaf.value), spelled.leaf(place, path)
        except FuncgradError:  # it cannot be compared
            continue
        statics.append(expression)
        fixed.append((told, text))
    run = "_run"
    while run in spelled.parameters:
        run += "_"
    call = f"{run}(({_listed(operands)}), ({_listed(statics)}))"
    called = label(name) or "call"
    head = f"def {called}({spelled.head()}):"
    lines = [f"{run} = _program()", "", "", head, *_body(call, out_tree)]
    return standalone(source, consts, wanted, fixed, called, lines)


def _body(call: str, out_tree: tree.TreeDef) -> list[str]:
    """The lines that call the program, and rebuild the output's tree."""
    built = plain_tree(out_tree)
    if built is None:
        told = "Return the leaves of the output: its tree has nodes of registered classes."
        return [f'    """{told}"""', f"    return {call}"]
    outs = _listed([f"y{i}" for i in range(out_tree.num_leaves)])
    return [f"    {outs}= {call}" if outs else f"    {call}", f"    return {built}"]


def _listed(items: Sequence[str]) -> str:
    return "".join([f"{item}, " for item in items])


class Spelled:
    """The parameters of a function, and the leaves of a call, as text.

    A parameter that the call left out is left out here: the program has its default.
    """

    def __init__(self, declared: Sequence[Parameter], places: Sequence[Place]) -> None:
        self.by_position = [p for p in declared if p.kind in _BY_POSITION]
        self.declared = list(declared)
        self.arguments: dict[Place, str] = {}  # the expression of each
        self.parameters: dict[str, Parameter] = {}  # those that take one
        for place in places:
            p, self.arguments[place] = self._argument(place)
            self.parameters[p.name] = p

    def _argument(self, place: Place) -> tuple[Parameter, str]:
        """The parameter that takes an argument, and the argument's expression."""
        count = len(self.by_position)
        if isinstance(place, int) and place < count:
            return self.by_position[place], self.by_position[place].name
        for p in self.declared:
            if isinstance(place, int) and p.kind is p.VAR_POSITIONAL:
                return p, f"{p.name}[{place - count}]"
            if place == p.name and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
                return p, p.name
            if isinstance(place, str) and p.kind is p.VAR_KEYWORD:
                return p, f"{p.name}[{literal(place)}]"
        name = f"arg{place}" if isinstance(place, int) else place
        if not is_name(name):
            raise UnsupportedError(
                f"source: a standalone file cannot spell the keyword {name!r}: give the function "
                f"a signature that names it"
            )
        kind = Parameter.POSITIONAL_ONLY if isinstance(place, int) else Parameter.KEYWORD_ONLY
        return Parameter(name, kind), name

    def leaf(self, place: Place, path: tree.Path) -> str:
        """A leaf of an argument as an expression of the argument.

        Raises:
            UnsupportedError: if a step of its path has no text.
        """
        return self.arguments[place] + "".join(map(_step, path))

    def head(self) -> str:
        """The parameters as text, for the head of a function."""
        return ", ".join(_marked(self.declared or [*self.parameters.values()], self.parameters))


def _marked(declared: Sequence[Parameter], given: Collection[str]) -> list[str]:
    """The given ones of the declared parameters, with the marks ``/`` and ``*``."""
    words: list[str] = []
    slash = 0
    starred = missing = False
    for p in declared:
        if p.name not in given:
            missing |= p.kind in _BY_POSITION
        elif p.kind is p.VAR_POSITIONAL:
            words.append(f"*{p.name}")
            starred = True
        elif p.kind is p.VAR_KEYWORD:
            words.append(f"**{p.name}")
        else:
            # after one that is left out, a position would mean another parameter
            if not starred and (missing or p.kind is p.KEYWORD_ONLY):
                words.append("*")
                starred = True
            words.append(p.name)
            slash = len(words) if p.kind is p.POSITIONAL_ONLY else slash
    return [*words[:slash], "/", *words[slash:]] if slash else words


def _step(key: Any) -> str:
    """One step of a path as text."""
    if type(key) is SequenceKey:
        return f"[{literal(key.idx)}]"
    if type(key) is DictKey and type(key.key) in (str, int, bool):
        return f"[{literal(key.key)}]"
    if type(key) is GetAttrKey and is_name(key.name):
        return f".{key.name}"
    raise UnsupportedError(
        "source: a standalone file cannot spell a step to a leaf of an argument: use dictionaries "
        "with strings or integers for keys, lists and tuples"
    )

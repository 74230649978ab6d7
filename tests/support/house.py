"""The files of the package: their syntax trees, imports, functions and rooms."""

import ast
import functools
from pathlib import Path

from .turns import in_one

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "funcgrad"
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def walk(tree):
    """All nodes of a tree, as ``ast.walk`` gives them, without contexts (``ast.Load``)."""
    nodes = [tree]
    for node in nodes:  # which grows on the way
        for value in vars(node).values():
            if isinstance(value, list):
                nodes += [inner for inner in value if isinstance(inner, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                nodes.append(value)
    return nodes


@functools.cache
def nodes_of(path):
    """All nodes of a file's syntax tree, walked once for all laws."""
    return walk(tree_of(path))


def module_of(path):
    parts = ("funcgrad", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {module_of(path): path for path in FILES}

# modules that import an optional extra, and are loaded by the call that needs it
ENGINES = ("funcgrad.bridge.", "funcgrad.export.onnx_", "funcgrad.dist.mpi")
WITHOUT_ENGINE = tuple(
    f"funcgrad.bridge.{name}" for name in ("conversions", "calls", "lowering", "array_api")
)


def is_of_engine(module):
    """Whether a module imports JAX, onnx or mpi4py, or one that does."""
    return module.startswith(ENGINES) and not module.startswith(WITHOUT_ENGINE)


PLAIN = [m for m in PATHS if not is_of_engine(m) and not m.endswith("__main__")]
each_file = in_one(FILES, name_of)


def imported(node, path):
    """Yield the library's modules that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in PATHS)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = module_of(path).split(".")
            package = package if path.name == "__init__.py" else package[:-1]
            package = package[: len(package) - node.level + 1]
            base = ".".join([*package, base] if base else package)
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            if inner in PATHS or base in PATHS:
                yield inner if inner in PATHS else base


@functools.cache
def imports_of(path):
    return {m for node in nodes_of(path) for m in imported(node, path)} - {module_of(path)}


def room_of(path):
    """The folder below the package that a file stands in, "." for the package itself."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else "."


@functools.cache
def functions(path):
    """Every function of a file, after its qualified name."""
    stack, found = [(tree_of(path), "")], []
    while stack:
        node, prefix = stack.pop()
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            name = f"{prefix}.{child.name}".lstrip(".") if named else prefix
            if named and not isinstance(child, ast.ClassDef):
                found.append((name, child))
            stack.append((child, name))
    return tuple(found)

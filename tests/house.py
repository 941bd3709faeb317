"""Counts of the house: `python -m tests.house` prints them, and tests hold two of them."""

import ast
from pathlib import Path

from tests.test_floors import SOURCE, files, imports, module_of, room_of

PARAMETERS = 8  # that a function may take, apart from options of the user


def functions(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def parameters(node):
    """Names of a function's parameters, without `self` and `cls`."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [each.arg for each in given if each.arg not in ("self", "cls")]


def longest(sources):
    """(number of parameters, path, function) of all functions, longest first."""
    found = [
        (len(parameters(node)), path, node.name)
        for path, source in sources.items()
        for node in functions(ast.parse(source))
    ]
    return sorted(found, reverse=True)


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name != "_"


def own_names(tree):
    """The private names that a file gives: definitions, attributes of `self`, fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if ast.unparse(node.value) in ("self", "cls"):
                yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value  # __slots__, object.__setattr__(self, "_name", ...)


def reaches(sources):
    """(path, name) wherever a room reads a private name that it does not give itself."""
    trees, given = {path: ast.parse(source) for path, source in sources.items()}, {}
    for path, tree in trees.items():
        given.setdefault(room_of(module_of(path)), set()).update(own_names(tree))
    everywhere = set().union(*given.values())  # others are of Python and of other packages
    for path, tree in trees.items():
        foreign = set(filter(is_private, everywhere - given[room_of(module_of(path))]))
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Attribute) and node.attr in foreign:
                names = [] if ast.unparse(node.value) in ("self", "cls", "super()") else [node.attr]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("covey"):
                names = [alias.name for alias in node.names]
            yield from ((path, name) for name in sorted({*names} & foreign))


def arrows(sources):
    """Pairs of rooms, the first of which imports the second."""
    modules = {module_of(path) for path in sources}
    rooms = {room_of(module) for module in modules}
    found = set()
    for path, source in sources.items():
        room = room_of(module_of(path))
        for name in imports(path, source, modules):
            if room and name.startswith("covey.") and room_of(name) in rooms - {room, ""}:
                found.add((room, room_of(name)))
    return found


def code_lines(source):
    """Lines that hold code: neither blank, nor comment, nor docstring."""
    tree, skipped = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                skipped.update(range(first.lineno, first.end_lineno + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(
        number not in skipped and bool(line.strip()) and not line.strip().startswith("#")
        for number, line in lines
    )


def counts(sources):
    top = {path.split("/")[1] for path in sources} - {"__init__.py"}
    between = list(reaches(sources))
    return {
        "names at the top": len(top),
        "rooms": len({room_of(module_of(path)) for path in sources} - {""}),
        "arrows": len(arrows(sources)),
        "files": len(sources),
        "lines": sum(len(source.splitlines()) for source in sources.values()),
        "lines of code": sum(map(code_lines, sources.values())),
        "longest lists of parameters": longest(sources)[:12],
        "private names read across rooms": len(between),
        "of them, by name": sorted({name for _, name in between}),
    }


if __name__ == "__main__":
    assert Path(SOURCE).is_dir()
    for name, value in counts(files()).items():
        print(f"{name}: {value}")

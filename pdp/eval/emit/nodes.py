"""Short names for the Python nodes that compiled policies are made of. Knows no policy."""

from __future__ import annotations

import ast
from typing import Any, cast


def constant(value: object) -> ast.expr:
    """``value`` is made of bool, int, str, None, tuples and frozensets."""
    return ast.Constant(cast("Any", value))


def name(identifier: str) -> ast.expr:
    return ast.Name(identifier, ast.Load())


def call(function: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(name(function), list(arguments), [])


def method(target: ast.expr, function: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(target, function, ast.Load()), list(arguments), [])


def compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
    return ast.Compare(left, [operator], [right])


def parameters(*names: str) -> ast.arguments:
    arguments = [ast.arg(identifier) for identifier in names]
    return ast.arguments([], arguments, None, [], [], None, [])


def thunk(body: ast.expr, *names: str) -> ast.expr:
    return ast.Lambda(parameters(*names), body)


__all__ = ["call", "compare", "constant", "method", "name", "parameters", "thunk"]

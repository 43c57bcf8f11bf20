"""Formulas of data sheets as data: ``(w0 - 400) / 10`` as a text, checked once, then called with the words of a frame.

Only numbers, names, ``+ - * / **``, brackets, and the functions ``log``, ``max`` and ``share``: nothing else is read,
so that a table of a maker can do arithmetic and no more.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Final

Known = Mapping[str, float]
"""Name -> number: words, parameters, and what was computed before."""
Formula = Callable[[Known], float]
"""Raises what ``UNCOMPUTABLE`` lists where the numbers lead nowhere or a name is not known."""

UNCOMPUTABLE: Final = (KeyError, ArithmeticError, ValueError)

_OPERATORS: Final[Mapping[type, Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def share(part: float, whole: float) -> float:
    """``part / whole`` where both are more than nothing, else 0."""
    return part / whole if part > 0 and whole > 0 else 0.0


_FUNCTIONS: Final[Mapping[str, Callable[..., float]]] = {"log": math.log, "max": max, "share": share}


class BadFormula(ValueError):
    """A formula in a table that cannot be read; the text says where."""


def parse(text: str) -> Formula:
    """The formula in the text. BadFormula names what is not arithmetic."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise BadFormula(f"{text!r}: {error.msg}") from error
    return _node(tree.body, text)


def _node(node: ast.expr, text: str) -> Formula:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        number = float(node.value)
        return lambda _: number
    if isinstance(node, ast.Name):
        name = node.id
        return lambda known: known[name]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _node(node.operand, text)
        return lambda known: -inner(known)
    if isinstance(node, ast.BinOp):
        return _binary(node, text)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        function = _FUNCTIONS.get(node.func.id)
        if function is not None:
            arguments = [_node(argument, text) for argument in node.args]
            return lambda known: float(function(*(argument(known) for argument in arguments)))
    raise BadFormula(f"{text!r}: {ast.unparse(node)} is not arithmetic")


def _binary(node: ast.BinOp, text: str) -> Formula:
    left, right = _node(node.left, text), _node(node.right, text)
    if isinstance(node.op, ast.Pow):
        # math.pow says ValueError where ** would turn complex
        return lambda known: math.pow(left(known), right(known))
    apply = _OPERATORS.get(type(node.op))
    if apply is None:
        raise BadFormula(f"{text!r}: {type(node.op).__name__} is not arithmetic")
    return lambda known: apply(left(known), right(known))

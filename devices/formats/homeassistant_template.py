"""The small language that value templates are read in: a path, numbers, ``+ - * /`` and eight filters; never Jinja.

A template comes retained from whoever can publish on the broker. Rendering it would run a stranger's program, so only this
grammar is understood; what it does not cover is named, and its entity has no readings:

    template  = "{{" sum "}}"
    sum       = product { ("+" | "-") product }
    product   = filtered { ("*" | "/") filtered }
    filtered  = atom { "|" filter [ "(" literals ")" ] }
    atom      = number | "-" atom | "(" sum ")" | ("value" | "value_json") { "." word | "[" (text | whole) "]" }

Filters: ``float int round lower upper default multiply``, and ``is_defined``, which here says nothing: what is missing is
never a reading. All arithmetic is that of 64-bit floats. A text is never multiplied, nor anything repeated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

LONGEST: Final = 1_000
"""Characters of a template."""
_MOST_TOKENS: Final = 200
_DEEPEST: Final = 24

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d{1,3})?|\.\d+)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^'\\]*'|\"[^\"\\]*\")|(?P<sign>[-+*/|().,\[\]]))"
)
_FRAME: Final = re.compile(r"\s*\{\{[-+]?(?P<inner>[^{}%]*?)[-+]?\}\}\s*", re.DOTALL)


class Unsupported(ValueError):
    """The template is outside the grammar; the text says where."""


class Missing(ValueError):
    """The message has no value for the template: no reading."""


Program = Callable[[str, Any], Any]
"""(value, value_json) -> what the template gives; raises ``Missing``."""


class Template(NamedTuple):
    """A template that is understood."""

    program: Program
    needs_json: bool


def template_of(text: str) -> Template | str:
    """The template, or a sentence about what in it is not understood. An empty one is the value itself."""
    if len(text) > LONGEST:
        return f"a template of {len(text)} characters; at most {LONGEST} are read"
    return _template_of(text)


@lru_cache(maxsize=4_096)
def _template_of(text: str) -> Template | str:
    if not text.strip():
        return Template(lambda value, _found: value, needs_json=False)
    framed = _FRAME.fullmatch(text)
    if framed is None:
        return "more than one {{ expression }}, or a statement"
    try:
        parser = _Parser(framed["inner"])
        program = parser.sum(0)
        parser.end()
    except Unsupported as error:
        return str(error)
    return Template(program, parser.needs_json)


class _Token(NamedTuple):
    kind: str
    text: str


class _Parser:
    """One template, from its tokens to a program."""

    def __init__(self, text: str) -> None:
        self.needs_json = False
        self._tokens: list[_Token] = []
        self._at = 0
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None or len(self._tokens) >= _MOST_TOKENS:
                raise Unsupported(f"{text[at : at + 20].strip()!r}")
            kind = str(found.lastgroup)
            self._tokens.append(_Token(kind, found[kind]))
            at = found.end()

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise Unsupported(f"{self._tokens[self._at].text!r}")

    def sum(self, depth: int) -> Program:
        return self._chain(depth, self._product, {"+": _add, "-": _subtract})

    def _product(self, depth: int) -> Program:
        return self._chain(depth, self._filtered, {"*": _times, "/": _over})

    def _chain(
        self, depth: int, part: Callable[[int], Program], signs: dict[str, Callable[[float, float], float]]
    ) -> Program:
        if depth > _DEEPEST:
            raise Unsupported("brackets nested too deep")
        program = part(depth + 1)
        while (sign := self._accept("sign", *signs)) is not None:
            program = _both(signs[sign], program, part(depth + 1))
        return program

    def _filtered(self, depth: int) -> Program:
        program = self._atom(depth)
        while self._accept("sign", "|"):
            name = self._expect("word")
            made = _FILTERS.get(name)
            if made is None:
                raise Unsupported(f"the filter {name!r}")
            least, most, make = made
            arguments = self._arguments()
            if not least <= len(arguments) <= most:
                raise Unsupported(f"the filter {name!r} with {len(arguments)} arguments")
            program = make(program, *arguments)
        return program

    def _arguments(self) -> list[Any]:
        found: list[Any] = []
        if self._accept("sign", "(") is None or self._accept("sign", ")") is not None:
            return found
        while True:
            found.append(self._literal())
            if self._accept("sign", ")") is not None:
                return found
            self._expect("sign", ",")

    def _literal(self) -> Any:
        if (text := self._accept("text")) is not None:
            return text[1:-1]
        if (word := self._accept("word", *_CONSTANTS)) is not None:
            return _CONSTANTS[word]
        sign = -1.0 if self._accept("sign", "-") else 1.0
        return sign * float(self._expect("number"))

    def _atom(self, depth: int) -> Program:
        if depth > _DEEPEST:
            raise Unsupported("brackets nested too deep")
        if (number := self._accept("number")) is not None:
            fixed = float(number)
            return lambda _value, _found: fixed
        if self._accept("sign", "-") is not None:
            inner = self._atom(depth + 1)
            return lambda value, found: -_number(inner(value, found))
        if self._accept("sign", "(") is not None:
            program = self.sum(depth + 1)
            self._expect("sign", ")")
            return program
        word = self._expect("word", "value", "value_json")
        if word == "value":
            return lambda value, _found: value
        self.needs_json = True
        return _path(tuple(self._steps()))

    def _steps(self) -> list[str | int]:
        steps: list[str | int] = []
        while True:
            if self._accept("sign", ".") is not None:
                steps.append(self._accept("word") or int(self._whole()))
            elif self._accept("sign", "[") is not None:
                text = self._accept("text")
                steps.append(text[1:-1] if text is not None else int(self._whole()))
                self._expect("sign", "]")
            else:
                return steps

    def _whole(self) -> str:
        number = self._expect("number")
        if not number.isdigit() or len(number) > 6:
            raise Unsupported(f"{number!r} as an index")
        return number

    def _accept(self, kind: str, *texts: str) -> str | None:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == kind and (not texts or token.text in texts):
                self._at += 1
                return token.text
        return None

    def _expect(self, kind: str, *texts: str) -> str:
        found = self._accept(kind, *texts)
        if found is None:
            near = self._tokens[self._at].text if self._at < len(self._tokens) else "its end"
            raise Unsupported(f"{near!r}" if near != "its end" else "that it ends too early")
        return found


# --- what a program is made of ----------------------------------------------------------------------------------------


def _path(steps: tuple[str | int, ...]) -> Program:
    if len(steps) == 1 and isinstance(steps[0], str):
        [name] = steps

        def one(_: str, found: Any) -> Any:
            if type(found) is dict and name in found:
                return found[name]
            raise Missing

        return one

    def follow(_: str, found: Any) -> Any:
        for step in steps:
            there = step in found if type(found) is dict else type(found) is list and step in range(len(found))
            if not there:
                raise Missing
            found = found[step]
        return found

    return follow


def _both(sign: Callable[[float, float], float], left: Program, right: Program) -> Program:
    def program(value: str, found: Any) -> float:
        result = sign(_number(left(value, found)), _number(right(value, found)))
        if not math.isfinite(result):
            raise Missing
        return result

    return program


def _add(left: float, right: float) -> float:
    return left + right


def _subtract(left: float, right: float) -> float:
    return left - right


def _times(left: float, right: float) -> float:
    return left * right


def _over(left: float, right: float) -> float:
    if right == 0:
        raise Missing
    return left / right


def _number(value: object) -> float:
    """A number; a text that is one; anything else is no reading."""
    try:
        number = math.nan if isinstance(value, bool) or value is None else float(value)  # type: ignore[arg-type]  # TypeError below
    except (TypeError, ValueError, OverflowError):
        raise Missing from None
    if not math.isfinite(number):
        raise Missing
    return number


def _numbers(turn: Callable[[float], float]) -> Callable[..., Program]:
    """A filter that wants a number, with a value for where there is none."""

    def make(inner: Program, *instead: Any) -> Program:
        def program(value: str, found: Any) -> Any:
            try:
                return turn(_number(inner(value, found)))
            except Missing:
                if instead:
                    return instead[0]
                raise

        return program

    return make


def _round(inner: Program, digits: Any = 0.0, *_: Any) -> Program:
    if not isinstance(digits, float) or abs(digits) > 12:
        raise Unsupported(f"round to {digits!r}")
    places = int(digits)
    return lambda value, found: round(_number(inner(value, found)), places)


def _texts(turn: Callable[[str], str]) -> Callable[..., Program]:
    def make(inner: Program) -> Program:
        def program(value: str, found: Any) -> str:
            given = inner(value, found)
            if isinstance(given, (dict, list)) or given is None:
                raise Missing
            return turn(str(given))

        return program

    return make


def _default(inner: Program, instead: Any = "", *_: Any) -> Program:
    def program(value: str, found: Any) -> Any:
        try:
            return inner(value, found)
        except Missing:
            return instead

    return program


def _multiply(inner: Program, factor: Any, *_: Any) -> Program:
    if not isinstance(factor, float):
        raise Unsupported(f"multiply by {factor!r}")
    return lambda value, found: _number(inner(value, found)) * factor


def _same(inner: Program) -> Program:
    return inner


_CONSTANTS: Final[dict[str, Any]] = {
    "true": True, "True": True, "false": False, "False": False, "none": None, "None": None,
}  # fmt: skip

_FILTERS: Final[dict[str, tuple[int, int, Callable[..., Program]]]] = {
    # name -> fewest and most arguments, and what makes the program
    "float": (0, 1, _numbers(float)),
    "int": (0, 1, _numbers(math.trunc)),
    "round": (0, 1, _round),
    "lower": (0, 0, _texts(str.lower)),
    "upper": (0, 0, _texts(str.upper)),
    "default": (0, 2, _default),
    "multiply": (1, 1, _multiply),
    "is_defined": (0, 0, _same),
}

"""CEL behind a dict in Python: one expression for all rules of a key, a list of booleans.

Three implementations of the language. The dict, and the join of the rules that held, are ours: CEL
evaluates expressions and knows neither.
"""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Callable, Iterable
from itertools import compress
from typing import Any, Final

from benchmarks.peers import conditions
from benchmarks.peers.answer import NO_ALLOW, Answer, concluded
from benchmarks.peers.engine import Peer, Tells, alone, cells, key_of_ask
from benchmarks.peers.workload import Ask, Rule, Workload

Given = tuple[str, dict[str, object]]
Evaluate = Callable[[Any], Iterable[object]]
_Compiled = tuple[Evaluate, list[tuple[bool, Answer]]]


class _Cel(Peer):
    """Compiles an expression on first use: most are never asked for."""

    tells = Tells.ALL

    def __init__(self, work: Workload) -> None:
        self._shape: Final = work.shape
        self._cells: Final = cells(work)
        self._compiled: Final[dict[str, _Compiled]] = {}

    def given(self, ask: Ask) -> Given:
        return key_of_ask(self._shape, ask), conditions.variables(ask)

    def bind(self, given: Given) -> tuple[str, Any]:
        return given[0], self.activation(given[1])

    def decide(self, bound: tuple[str, Any]) -> Answer:
        key, activation = bound
        found = self._compiled.get(key) or self._compile(key)
        if found is None:
            return NO_ALLOW
        evaluate, entries = found
        return concluded(list(compress(entries, evaluate(activation))))

    def _compile(self, key: str) -> _Compiled | None:
        rules: list[Rule] | None = self._cells.get(key)
        if rules is None:
            return None
        entries = [alone(rule) for rule in rules]
        self._compiled[key] = self.compile(conditions.listed(rules)), entries
        return self._compiled[key]

    @abstractmethod
    def compile(self, text: str) -> Evaluate:
        """The function that evaluates the expression ``text``."""

    @abstractmethod
    def activation(self, variables: dict[str, object]) -> Any:
        """The variables as the implementation likes them best."""


class CelRust(_Cel):
    name = "CEL in Rust, Python index"
    package = "common-expression-language"
    idiom = "a Context made beforehand, one program for all rules of a key"

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        # Not on top of the file: it must be readable where this engine is not installed.
        self._cel: Final[Any] = importlib.import_module("cel")

    def compile(self, text: str) -> Evaluate:
        evaluate: Evaluate = self._cel.compile(text).execute
        return evaluate

    def activation(self, variables: dict[str, object]) -> Any:
        return self._cel.Context(variables=variables)


class CelCpp(_Cel):
    name = "CEL in C++, Python index"
    package = "cel-expr-python"
    idiom = "a checked environment, an Activation made beforehand, one expression for a key"

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        cel: Any = importlib.import_module("cel_expr_python.cel")
        text = cel.Type.STRING
        self._env: Final = cel.NewEnv(
            variables={
                "amount": cel.Type.INT,
                "env": text,
                "label": text,
                "roles": cel.Type.List(text),
                "owner": text,
                "person": text,
            }
        )

    def compile(self, text: str) -> Evaluate:
        evaluate = self._env.compile(text).eval

        def plain(activation: Any) -> Iterable[object]:
            values: list[object] = evaluate(activation).plain_value()
            return values

        return plain

    def activation(self, variables: dict[str, object]) -> Any:
        return self._env.Activation(variables)


class CelPython(_Cel):
    name = "cel-python, Python index"
    package = "cel-python"
    idiom = "the compiled runner, an activation converted beforehand, one program for a key"

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        celpy: Any = importlib.import_module("celpy")
        self._celpy: Final = celpy
        self._env: Final = celpy.Environment(runner_class=celpy.CompiledRunner)

    def compile(self, text: str) -> Evaluate:
        evaluate: Evaluate = self._env.program(self._env.compile(text)).evaluate
        return evaluate

    def activation(self, variables: dict[str, object]) -> Any:
        return {name: self._celpy.json_to_cel(value) for name, value in variables.items()}


__all__ = ["CelCpp", "CelPython", "CelRust"]

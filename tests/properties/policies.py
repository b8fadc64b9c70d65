"""Random rules and routes over a schema, as Charter text. No facts."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pdp.lang.types import ActionDef
from tests.changed import replace
from tests.properties.conditions import Conditions
from tests.properties.roots import Scope, paths_of
from tests.properties.routes import RouteText
from tests.properties.scopes import Path, Words
from tests.properties.shapes import Shape
from tests.properties.values import maybe, some_of

_ADDRESS = '"ops@x.example"'
_EFFECTS = ("allow", "allow", "deny", "require", "require", "oblige", "oblige")


@dataclass
class Author:
    """Writes the policies of one program."""

    rng: Random
    shape: Shape
    words: Words

    def policy(self, name: str, count: int, routes: list[RouteText]) -> str:
        """A policy of a bundle that governs what it rules."""
        return self._policy(name, count, routes, _EFFECTS)

    def guard_policy(self, name: str, count: int, routes: list[RouteText]) -> str:
        """A policy of a guard: it never allows."""
        return self._policy(name, count, routes, _EFFECTS[2:])

    def _policy(
        self, name: str, count: int, routes: list[RouteText], effects: tuple[str, ...]
    ) -> str:
        rng = self.rng
        rules = [self._rule(f"r{number}", routes, effects) for number in range(count)]
        owner, contact = rng.choice(("ann", "bob")), rng.choice(("#a", "#b"))
        title = ' "Generated"' if maybe(rng, 0.3) else ""
        shadow = "    shadow until 2099-12-31\n" if maybe(rng, 0.12) else ""
        return (
            f"policy {name}{title} {{\n"
            f'    owner "{owner}@x.example"\n    contact "{contact}"\n    reason "GEN"\n{shadow}'
            + "\n".join(rules)
            + "\n}"
        )

    # ------------------------------------------------------------ scopes

    def _who(self) -> tuple[str, frozenset[str]]:
        rng = self.rng
        principals = self.shape.principals()
        if maybe(rng, 0.45):
            return "anyone", frozenset(principals)
        items = [self._who_item(principals) for _ in range(rng.choice((1, 1, 2)))]
        return ", ".join(text for text, _ in items), frozenset().union(*(t for _, t in items))

    def _who_item(self, principals: list[str]) -> tuple[str, frozenset[str]]:
        rng = self.rng
        type_ = rng.choice(principals)
        if maybe(rng, 0.45):
            return self.words.spelled(rng, type_), frozenset({type_})
        group = self._group_above(type_)
        if group is None:
            return type_, frozenset({type_})
        named = self.words.spelled(rng, group)
        if maybe(rng, 0.5):
            return f"{self.words.spelled(rng, type_)} in {named}", frozenset({type_})
        kind = self.words.groups[group]
        parents = self.shape.schema.parent_types
        return named, frozenset(p for p in principals if kind in parents(p))

    def _group_above(self, type_: str) -> str | None:
        above = self.shape.schema.parent_types(type_)
        names = [name for name, kind in self.words.groups.items() if kind in above]
        return self.rng.choice(names) if names else None

    def _target(self, effect: str, within: tuple[ActionDef, ...]) -> tuple[str, Scope]:
        """Actions and resources of a rule, all of them ``within`` what its routes are about."""
        rng = self.rng
        everything = tuple(self.shape.schema.actions.values())
        anything = len(within) == len(everything) and maybe(rng, 0.25)
        actions = everything if anything else tuple(some_of(rng, within, 1, 3))
        shared = sorted(frozenset.intersection(*(frozenset(a.resources) for a in actions)))
        taken = sorted({name for action in actions for name in action.resources})
        resources = frozenset(taken)
        text = "any action" if anything else self._named(actions)
        must_name = anything and effect == "allow"
        if must_name and not taken:
            anything, text = False, ", ".join(action.name for action in actions)
        on = taken if anything else shared
        if on and (must_name or maybe(rng, 0.35)):
            named = some_of(rng, on, 1, 2)
            items = [self._resource_item(name) for name in named]
            text += f" on {', '.join(items)}"
            resources = frozenset(named)
            actions = tuple(a for a in actions if resources & set(a.resources))
        elif not all(action.resources for action in actions):
            resources = frozenset()
        return text, Scope(actions, anything, resources, has_tier=True)

    def _named(self, actions: tuple[ActionDef, ...]) -> str:
        names = [action.name for action in actions]
        sets = [n for n, members in self.words.action_sets.items() if set(members) == set(names)]
        return self.rng.choice(sets) if sets else ", ".join(names)

    def _resource_item(self, name: str) -> str:
        group = self._group_above(name) if maybe(self.rng, 0.5) else None
        named = self.words.spelled(self.rng, name)
        return named if group is None else f"{named} in {self.words.spelled(self.rng, group)}"

    def _paths(self, scope: Scope) -> tuple[Path, ...]:
        return paths_of(self.shape, self.words, scope)

    # ------------------------------------------------------------ rules

    def _rule(self, name: str, routes: list[RouteText], effects: tuple[str, ...]) -> str:
        rng = self.rng
        effect = rng.choice(effects)
        if effect == "require" and not routes:
            effect = "deny"
        asked = some_of(rng, routes, 1, 2) if effect == "require" else []
        within = tuple(
            action
            for action in self.shape.schema.actions.values()
            if all(action in route.actions for route in asked)
        )
        if not within:
            asked = asked[:1]
            within = asked[0].actions
        who, principals = self._who()
        target, scope = self._target(effect, within)
        scope = replace(scope, principals=principals)
        words = f"require approval from {', '.join(r.name for r in asked)} for"
        head = words if effect == "require" else effect
        lines = [f"    rule {name}:", f"        {head} {who} to {target}"]
        lines += self._clauses(effect, scope)
        if effect == "deny" or (effect != "oblige" and maybe(rng, 0.2)):
            lines.append(f'        because "Because of {name}."')
        if effect == "oblige" or (effect != "deny" and maybe(rng, 0.3)):
            lines.append(f"        then {', '.join(self._obligations(scope))}")
        return "\n".join(lines)

    def _clauses(self, effect: str, scope: Scope) -> list[str]:
        rng = self.rng
        paths = self._paths(scope)
        conditions = Conditions(rng, self.words, paths)
        chance = {"allow": 0.5, "deny": 0.95, "require": 0.6, "oblige": 0.5}[effect]
        found: list[str] = []
        when: list[str] = []
        if maybe(rng, chance):
            when.append(conditions.operand(rng.randint(0, 2), frozenset()))
        if effect != "allow" and maybe(rng, 0.15):
            claimed = conditions.claimed_test()
            when += [claimed] if claimed else []
        if self.words.claims_risk and maybe(rng, 0.3):
            # a claim can only raise the tier: nothing that it raises may loosen the answer
            word = rng.choice(("<", "<=") if effect == "allow" else (">", ">="))
            when.append(f"risk.tier {word} {rng.choice(('low', 'medium', 'high', 'critical'))}")
        proved: frozenset[str] = frozenset()
        guards = [path for path in paths if path.optional and not path.untrusted]
        if guards and maybe(rng, 0.2):
            guard = rng.choice(guards)
            when.insert(0, f"has {guard.optional[-1]}")
            proved = frozenset(guard.optional)
        if when:
            found.append(f"        when {' and '.join(when)}")
        if maybe(rng, 0.25):
            found.append(f"        unless {conditions.condition(rng.randint(0, 2), proved)}")
        return found

    def _obligations(self, scope: Scope) -> list[str]:
        rng = self.rng
        paths = [
            path.text
            for path in self._paths(scope)
            if path.text.startswith(("args.", "context.", "resource.", "principal."))
        ]
        subjects = ["agent"] * 3 + ["user", "everyone"]
        subjects += ["resource"] if scope.resources else []
        period = rng.choice(("1h", "1h", "60m", "90s"))
        choices = [
            f"log {rng.choice(('summary', 'full'))}",
            f"notify {rng.choice([*self.words.groups, _ADDRESS])}",
            f"rate {rng.randint(1, 3)} per {period} by {rng.choice(subjects)}",
        ]
        if paths:
            choices.append(f"redact [{', '.join(some_of(rng, paths, 1, 2))}]")
        return some_of(rng, choices, 1, 3)


__all__ = ["Author"]

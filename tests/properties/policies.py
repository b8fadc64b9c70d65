"""Random rules and routes over a schema, as Charter text. No facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from pdp.lang.types import (
    BOOL,
    RISK,
    STRING,
    TIMESTAMP,
    ActionDef,
    CollT,
    EntityT,
    FieldT,
    RecordT,
    Type,
)
from tests.properties.conditions import Conditions
from tests.properties.scopes import Path, Words, common_fields, paths_from
from tests.properties.shapes import Shape
from tests.properties.values import maybe, some_of

_ACTION = RecordT("action", (FieldT("reversible", "", BOOL), FieldT("risk", "", RISK)))
_TOOL = RecordT(
    "tool", tuple(FieldT(name, "", STRING, untrusted=True) for name in ("server", "name", "digest"))
)
_ADDRESS = '"ops@x.example"'


@dataclass(frozen=True)
class Scope:
    """What one rule or route speaks of."""

    actions: tuple[ActionDef, ...]
    any_action: bool
    resources: frozenset[str]
    principals: frozenset[str]


@dataclass(frozen=True)
class RouteText:
    """A route and the actions that rules which name it may be about."""

    name: str
    text: str
    actions: tuple[ActionDef, ...]


@dataclass
class Author:
    """Writes the policies of one program."""

    rng: Random
    shape: Shape
    words: Words

    def routes(self, count: int) -> list[RouteText]:
        actions = tuple(self.shape.schema.actions.values())
        homes = [tuple(some_of(self.rng, actions, 1, len(actions))) for _ in range(count)]
        return [self._route(f"route_{index}", home) for index, home in enumerate(homes)]

    def policy(self, index: int, count: int, routes: list[RouteText]) -> str:
        rng = self.rng
        rules = [self._rule(f"r{number}", routes) for number in range(count)]
        owner, contact = rng.choice(("ann", "bob")), rng.choice(("#a", "#b"))
        title = ' "Generated"' if maybe(rng, 0.3) else ""
        return (
            f"policy p{index}{title} {{\n"
            f'    owner "{owner}@x.example"\n    contact "{contact}"\n    reason "GEN-{index}"\n'
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
            return type_, frozenset({type_})
        group = self._group_above(type_)
        if group is None:
            return type_, frozenset({type_})
        if maybe(rng, 0.5):
            return f"{type_} in {group}", frozenset({type_})
        kind = self.words.groups[group]
        parents = self.shape.schema.parent_types
        return group, frozenset(p for p in principals if kind in parents(p))

    def _group_above(self, type_: str) -> str | None:
        above = self.shape.schema.parent_types(type_)
        names = [name for name, kind in self.words.groups.items() if kind in above]
        return self.rng.choice(names) if names else None

    def _target(self, effect: str, within: tuple[ActionDef, ...]) -> tuple[str, Scope]:
        """Actions and resources of a rule, all of them ``within`` what its routes are about."""
        rng = self.rng
        everything = tuple(self.shape.schema.actions.values())
        anything = len(within) == len(everything) and maybe(rng, 0.25)
        actions = everything if anything else tuple(some_of(rng, within, 1, 2))
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
        return text, Scope(actions, anything, resources, frozenset())

    def _named(self, actions: tuple[ActionDef, ...]) -> str:
        names = [action.name for action in actions]
        sets = [n for n, members in self.words.action_sets.items() if set(members) == set(names)]
        return self.rng.choice(sets) if sets else ", ".join(names)

    def _resource_item(self, name: str) -> str:
        group = self._group_above(name) if maybe(self.rng, 0.5) else None
        return name if group is None else f"{name} in {group}"

    def _paths(self, scope: Scope, approvers: frozenset[str] = frozenset()) -> tuple[Path, ...]:
        schema = self.shape.schema
        people, agents = frozenset(self.shape.people()), frozenset(self.shape.agents())
        args = common_fields([a.fields for a in scope.actions], tolerant=scope.any_action)
        always_agent = bool(scope.principals) and scope.principals <= agents
        roots = [
            Path("agent", EntityT(agents), () if always_agent else ("agent",)),
            Path("user", EntityT(people), ("user",)),
            Path("args", RecordT("args", tuple(args))),
            Path("context", RecordT("context", schema.context)),
            Path("action", _ACTION),
            Path("now", TIMESTAMP),
            Path("chain", CollT("set", EntityT(frozenset(self.shape.principals())), 1, 16)),
            Path("tool", _TOOL, ("tool",), untrusted=True),
        ]
        if scope.principals:
            roots += [Path("principal", EntityT(scope.principals))] * 2
        if scope.resources:
            roots += [Path("resource", EntityT(scope.resources))] * 2
        if approvers:
            roots += [Path("approver", EntityT(approvers))] * 3
        return (*paths_from(schema, roots, 3), *self.words.fixed)

    # ------------------------------------------------------------ rules

    def _rule(self, name: str, routes: list[RouteText]) -> str:
        rng = self.rng
        effect = rng.choice(("allow", "allow", "deny", "require", "require", "oblige", "oblige"))
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

    # ------------------------------------------------------------ routes

    def _route(self, name: str, home: tuple[ActionDef, ...]) -> RouteText:
        rng = self.rng
        resources = frozenset(n for a in home for n in a.resources)
        if len(resources) > 1 or not all(a.resources for a in home):
            resources = frozenset()  # a rule may speak of fewer types, and conditions then differ
        scope = Scope(home, any_action=False, resources=resources, principals=frozenset())
        teams = [group for group, kind in self.words.groups.items() if kind == "Team"]
        lines = [self._need(rng.choice(teams), scope) for _ in range(rng.choice((1, 1, 1, 2)))]
        if maybe(rng, 0.6):
            listed = some_of(rng, ("requester", "owner", "same_team"), 1, 3)
            lines.append(f"    exclude {', '.join(listed)}")
        if maybe(rng, 0.5):
            lines.append(f"    expires {rng.choice(('15m', '2h', '1d', '30s'))}")
        shown = self._shown(scope)
        if shown:
            lines.append(f"    show {', '.join(shown)}")
        return RouteText(name, f"route {name} {{\n" + "\n".join(lines) + "\n}", home)

    def _need(self, group: str, scope: Scope) -> str:
        rng = self.rng
        where = ""
        if maybe(rng, 0.4):
            parents = self.shape.schema.parent_types
            kind = self.words.groups[group]
            people = frozenset(p for p in self.shape.people() if kind in parents(p))
            conditions = Conditions(rng, self.words, self._paths(scope, people))
            where = f" where ({conditions.condition(rng.randint(0, 1), frozenset())})"
        return f"    need {rng.choice((1, 1, 1, 1, 2))} of {group}{where}"

    def _shown(self, scope: Scope) -> list[str]:
        """Paths fit to be shown: nothing secret in them or below."""
        paths = [
            path.text
            for path in self._paths(scope)
            if not path.secret
            and not _holds_secret(path.type)
            and "." in path.text
            and not path.text.startswith("c_")
        ]
        return some_of(self.rng, list(dict.fromkeys(paths)), 0, 4)


def _holds_secret(type_: Type) -> bool:
    match type_:
        case RecordT():
            return any(field.secret or _holds_secret(field.type) for field in type_.fields)
        case CollT():
            return _holds_secret(type_.item)
        case _:
            return False


__all__ = ["Author", "RouteText", "Scope"]

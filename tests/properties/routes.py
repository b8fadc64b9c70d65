"""Random routes, as Charter text: needs, confirmation, clocks, and what they escalate to."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from pdp.lang.types import ActionDef
from tests.changed import replace
from tests.properties.conditions import Conditions
from tests.properties.roots import Scope, everywhere, holds_hidden, paths_of
from tests.properties.scopes import Words
from tests.properties.shapes import Shape
from tests.properties.values import duration_of, maybe, some_of

_DECIDE_WITHIN_S = 86_400
_CLOCKS_S = (30, 900, 3_600, 5_400, 7_200, 86_400, 172_800)


@dataclass(frozen=True)
class RouteText:
    """A route, and the actions that rules which name it may be about.

    ``needs`` are counts by group and condition. ``actions`` is empty for one that no rule names.
    """

    name: str
    actions: tuple[ActionDef, ...]
    needs: dict[tuple[str, str], int]
    exclude: frozenset[str] | None = None
    confirm: bool = False
    expires_s: int | None = None
    use_within_s: int | None = None
    escalate: tuple[str, int] | None = None
    show: tuple[str, ...] = ()

    @property
    def excluded(self) -> frozenset[str]:
        """Who may not approve: also where nothing is written."""
        return frozenset({"requester", "owner"}) if self.exclude is None else self.exclude

    def text(self, rng: Random) -> str:
        """The declaration; its lines in any order."""
        lines = [
            f"need {count} of {group}" + (f" where ({where})" if where else "")
            for (group, where), count in self.needs.items()
        ]
        if self.exclude is not None:
            lines.append(f"exclude {', '.join(sorted(self.exclude))}")
        if self.confirm:
            lines.append("confirm user")
        if self.expires_s is not None:
            lines.append(f"expires {_duration(self.expires_s, rng)}")
        if self.use_within_s is not None:
            lines.append(f"use within {_duration(self.use_within_s, rng)}")
        if self.escalate is not None:
            name, after_s = self.escalate
            lines.append(f"escalate to {name} after {_duration(after_s, rng)}")
        if self.show:
            lines.append(f"show {', '.join(self.show)}")
        rng.shuffle(lines)
        return f"route {self.name} {{\n" + "".join(f"    {line}\n" for line in lines) + "}"


@dataclass
class RouteAuthor:
    """Writes the routes of one program; ``written`` is every one, those escalated to as well."""

    rng: Random
    shape: Shape
    words: Words
    written: list[RouteText] = field(default_factory=list)

    def for_rules(self, count: int) -> list[RouteText]:
        """Routes that rules may name, each at home in some actions."""
        actions = tuple(self.shape.schema.actions.values())
        found: list[RouteText] = []
        for index in range(count):
            home = tuple(some_of(self.rng, actions, 1, len(actions)))
            resources = frozenset(n for a in home for n in a.resources)
            if len(resources) > 1 or not all(a.resources for a in home):
                resources = frozenset()  # a rule may speak of fewer types: conditions then differ
            found.append(self._route(f"route_{index}", Scope(home, resources=resources)))
        return found

    def for_tiers(self, count: int) -> list[RouteText]:
        """Routes that tiers require: they are read for every action."""
        scope = everywhere(self.shape)
        return [self._route(f"gate_{index}", scope, is_gate=True) for index in range(count)]

    def _route(self, name: str, scope: Scope, *, is_gate: bool = False) -> RouteText:
        rng = self.rng
        escalates = maybe(rng, 0.35)
        # a condition that the next route repeats must mean the same where that route is read
        read = Scope(()) if escalates else scope
        harmless = all(a.reversible or a.risk in {"low", "medium"} for a in scope.actions)
        needs: dict[tuple[str, str], int] = {}
        alone = harmless and not is_gate and maybe(rng, 0.15)
        for _ in range(0 if alone else rng.choice((1, 1, 1, 2))):
            self._add_need(needs, read)
        listed = frozenset(some_of(rng, ("requester", "owner", "same_team"), 1, 3))
        made = RouteText(
            name,
            scope.actions,
            needs,
            exclude=listed if maybe(rng, 0.6) else None,
            confirm=alone or maybe(rng, 0.15),
            expires_s=rng.choice(_CLOCKS_S) if maybe(rng, 0.5) else None,
            use_within_s=rng.choice(_CLOCKS_S) if maybe(rng, 0.3) else None,
            show=tuple(self._shown(scope)),
        )
        if escalates:
            made = self._escalating(made, 1)
        self.written.append(made)
        return made

    def _add_need(self, needs: dict[tuple[str, str], int], scope: Scope) -> None:
        rng = self.rng
        teams = [group for group, kind in self.words.groups.items() if kind == "Team"]
        group = rng.choice(teams)
        where = ""
        if maybe(rng, 0.4):
            parents = self.shape.schema.parent_types
            kind = self.words.groups[group]
            people = frozenset(p for p in self.shape.people() if kind in parents(p))
            paths = paths_of(self.shape, self.words, scope, people)
            where = Conditions(rng, self.words, paths).condition(rng.randint(0, 1), frozenset())
        key = (group, where)
        needs[key] = max(needs.get(key, 0), rng.choice((1, 1, 1, 1, 2)))

    def _escalating(self, base: RouteText, step: int) -> RouteText:
        """``base``, which goes on to a new route that asks at least as much."""
        rng = self.rng
        needs = {key: count + rng.choice((0, 0, 1)) for key, count in base.needs.items()}
        if not needs or maybe(rng, 0.4):
            self._add_need(needs, Scope(()))
        wider = {*base.excluded, *some_of(rng, ("owner", "same_team"), 0, 2)}
        target = RouteText(
            f"{base.name}_{step}",
            (),
            needs,
            exclude=frozenset(wider),
            confirm=base.confirm or maybe(rng, 0.15),
            expires_s=rng.choice(_CLOCKS_S) if maybe(rng, 0.6) else None,
            use_within_s=rng.choice(_CLOCKS_S) if maybe(rng, 0.3) else None,
        )
        if step < 3 and maybe(rng, 0.35):
            target = self._escalating(target, step + 1)
        self.written.append(target)
        until_s = _DECIDE_WITHIN_S if base.expires_s is None else base.expires_s
        after_s = rng.choice([s for s in (1, 10, *_CLOCKS_S) if s < until_s])
        return replace(base, escalate=(target.name, after_s))

    def _shown(self, scope: Scope) -> list[str]:
        """Paths fit to be shown: nothing secret in them or below."""
        shown = replace(scope, has_tier=True)
        paths = [
            path.text
            for path in paths_of(self.shape, self.words, shown)
            if not path.secret
            and not holds_hidden(path.type)
            and "." in path.text
            and not path.text.startswith("c_")
        ]
        return some_of(self.rng, list(dict.fromkeys(paths)), 0, 4)


def _duration(seconds: int, rng: Random) -> str:
    return duration_of(seconds * 1_000, rng)


__all__ = ["RouteAuthor", "RouteText"]

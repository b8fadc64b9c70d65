"""The nouns every room shares: frozen records and enums; no behaviour, no I/O.

Records are msgspec Structs: a decision makes several, and they are made ten times faster than
frozen dataclasses (ADR 7). None can be part of a cycle, so the garbage collector ignores them.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

# Limits of one request; a breach is refused at the door, never repaired (requests.md).
REQUEST_BYTES_MAX: Final = 262_144
CHAIN_MAX: Final = 16
ENTITIES_MAX: Final = 256
GROUPS_MAX: Final = 256
OBLIGATIONS_MAX: Final = 64
GRANTS_MAX: Final = 16
ID_CHARS_MAX: Final = 512
TEXT_CHARS_MAX: Final = 65_536
BATCH_ITEMS_MAX: Final = 1_000


class Effect(enum.Enum):
    """What the PDP answers. The numbers on the wire are those of ``pdp.v1.Effect``."""

    ALLOW = "allow"
    DENY = "deny"
    REQUIRE_APPROVAL = "require_approval"


class DenyCause(enum.Enum):
    """Why a deny is a deny. Declaration order is precedence: of several, the first is answered."""

    RULE = "rule"
    ERROR = "error"
    UNATTRIBUTED = "unattributed"
    NO_ALLOW = "no_allow"
    UNSUPPORTED_OBLIGATION = "unsupported_obligation"
    NO_ELIGIBLE_APPROVER = "no_eligible_approver"
    APPROVAL_MISMATCH = "approval_mismatch"
    APPROVAL_EXPIRED = "approval_expired"
    INVALID_REQUEST = "invalid_request"
    BUNDLE_EXPIRED = "bundle_expired"
    STOPPED = "stopped"


class NextAction(enum.Enum):
    """What the caller can usefully do next."""

    NONE = "none"
    REQUEST_APPROVAL = "request_approval"
    RETRY = "retry"
    HAND_OFF = "hand_off"


class PdpError(Exception):
    """Root of every expected error; its text is written for people and is safe to show them."""


class PolicyError(PdpError):
    """The policies are at fault; ``diagnostics`` says where (see ``pdp.lang.diagnostics``)."""

    def __init__(self, message: str, diagnostics: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.diagnostics = diagnostics


class BundleError(PdpError):
    """The bundle or policy directory as a whole is at fault."""


class RequestError(PdpError):
    """The request is refused before any rule is read: ``INVALID_ARGUMENT`` on the wire.

    ``field`` names the offending place (``args.amount``), or is empty.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Record(msgspec.Struct, frozen=True, gc=False):
    """Base of the records: immutable, equal by value; ``msgspec.structs.replace`` changes one."""


class Entity(Record, frozen=True):
    """One participant as sent: ``attributes`` is JSON object text, or None for a bare reference.

    ``groups`` are direct parents written ``Type::id``.
    """

    type: str
    id: str
    attributes: str | None = None
    groups: tuple[str, ...] = ()

    @property
    def uid(self) -> str:
        """``Type::id``; unambiguous because a type name holds no colon."""
        return f"{self.type}::{self.id}"


class Session(Record, frozen=True):
    """Where in the caller's work this request belongs; logged, never read by policies."""

    session_id: str = ""
    task_id: str = ""
    traceparent: str = ""
    tracestate: str = ""


class ToolIdentity(Record, frozen=True):
    """The tool as the caller claims it; ``definition_digest`` is hex SHA-256 or empty."""

    server: str = ""
    name: str = ""
    definition_digest: str = ""


class DeterminingRule(Record, frozen=True, order=True):
    """A rule that decided, and who answers for it. ``rule`` is ``policy.rule``."""

    rule: str
    owner: str
    contact: str
    because: str = ""


class Attribution(Record, frozen=True):
    """Who answers for this action. ``accountable`` is a person's uid, empty if unattributed."""

    accountable: str = ""
    agent: str = ""
    chain: tuple[str, ...] = ()
    policy_owners: tuple[str, ...] = ()


class Obligation(Record, frozen=True, order=True):
    """One joined obligation; ``name`` is one of log, redact, notify, rate.

    ``value`` is the level (log), the joined paths in order (redact), the target (notify) or
    ``N per D by SUBJECT`` (rate).
    """

    name: str
    value: str

    @property
    def on_caller(self) -> bool:
        """Whether the caller must perform it (and so must say that it supports it)."""
        return self.name in {"redact", "rate"}


class RuleError(Record, frozen=True, order=True):
    """A rule whose condition could not be evaluated: an unknown fact, never a crash."""

    rule: str
    kind: str
    file: str
    line: int
    column: int


class Need(Record, frozen=True, order=True):
    """``count`` distinct people of ``group`` (a uid) for whom the condition ``where`` holds.

    ``where`` is the condition's source text, normalised; with ``group`` it is the join key.
    """

    group: str
    where: str
    count: int


class Escalation(Record, frozen=True, order=True):
    """What is required instead once ``after_s`` have passed since the request undecided.

    Everything here is already joined with what was required before; earlier approvals count.
    """

    after_s: int
    route: str
    needs: tuple[Need, ...]
    exclude: tuple[str, ...]
    decide_within_s: int
    use_within_s: int
    confirm_user: bool = False


class ApprovalRequirement(Record, frozen=True):
    """Who must agree before this exact action may run, and what they must be shown.

    ``decide_within_s`` runs from the request, ``use_within_s`` from the last approval.
    ``show`` pairs a path with its value as JSON text, or with None when it is absent.
    ``confirm_user``: the last person in the chain confirms as well; that fills no need.
    """

    routes: tuple[str, ...]
    needs: tuple[Need, ...]
    exclude: tuple[str, ...]
    decide_within_s: int
    use_within_s: int
    show: tuple[tuple[str, str | None], ...] = ()
    confirm_user: bool = False
    escalations: tuple[Escalation, ...] = ()


class RiskAssessment(Record, frozen=True):
    """The sum of the points whose reasons hold, and the tier it reaches (a member of Risk)."""

    points: int
    reasons: tuple[str, ...]
    tier: str


class ShadowOutcome(Record, frozen=True, order=True):
    """What a shadow rule came to: ``outcome`` is held or error. Logged, never enforced."""

    rule: str
    effect: str
    outcome: str


class BundleIdentity(Record, frozen=True):
    """Which policies decided. ``digest`` is lower-case hex SHA-256 over all files that decide.

    ``revision`` is the signed one, 0 where nothing was signed.
    """

    name: str
    version: str
    digest: str
    signed: bool = False
    revision: int = 0


class ReceiptPointer(Record, frozen=True):
    """Where the durable record of an answer is: ``leaf_hash`` is lower-case hex SHA-256."""

    log_id: str
    seq: int
    leaf_hash: str


class Reasons(Record, frozen=True):
    """One reason, told to three readers; ``for_model`` is safe to show to the agent."""

    for_model: str = ""
    for_person: str = ""
    for_auditor: str = ""


class Decision(Record, frozen=True, eq=False):
    """One answer, complete with who decided and who answers for it.

    ``decision_id`` and ``receipt`` are set by the service once the record is durable.
    ``hidden_paths`` lists what the log must not hold in clear (``args.iban``).
    """

    effect: Effect
    cause: DenyCause | None = None
    rules: tuple[DeterminingRule, ...] = ()
    attribution: Attribution = Attribution()
    obligations: tuple[Obligation, ...] = ()
    bundle: BundleIdentity = BundleIdentity("", "", "")
    reasons: Reasons = Reasons()
    next_action: NextAction = NextAction.NONE
    request_digest: str = ""
    hidden_paths: tuple[str, ...] = ()
    errors: tuple[RuleError, ...] = ()
    approval: ApprovalRequirement | None = None
    risk: RiskAssessment | None = None
    shadow: tuple[ShadowOutcome, ...] = ()
    decision_id: str = ""
    receipt: ReceiptPointer | None = None

    def __eq__(self, other: object) -> bool:
        """Whether all is equal that a caller is answered."""
        if not isinstance(other, Decision):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _ANSWERED)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in _ANSWERED))


_ANSWERED: Final = tuple(name for name in Decision.__struct_fields__ if name != "hidden_paths")

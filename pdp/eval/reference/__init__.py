"""The reference interpreter: the slow, obvious meaning of a decision. Takes no compiler code.

The compiled evaluator must agree with it on every request; where the prose and this package
disagree, the prose is right.
"""

from __future__ import annotations

from pdp.eval.reference.candidates import not_candidate
from pdp.eval.reference.decision import decide
from pdp.eval.reference.explanation import explain

__all__ = ["decide", "explain", "not_candidate"]

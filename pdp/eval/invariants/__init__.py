"""Claims about every request, tested on requests made up from the program itself. No I/O.

Tested, never proved: a claim that survives has only survived the requests that were asked.
"""

from __future__ import annotations

from pdp.eval.invariants.trial import InvariantResult, Policies, run

__all__ = ["InvariantResult", "Policies", "run"]

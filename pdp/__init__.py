"""A policy decision point for AI agents: the public names and nothing else."""

from pdp.engine import Engine
from pdp.model import (
    BundleError,
    Decision,
    DenyCause,
    Effect,
    Entity,
    NextAction,
    PdpError,
    PolicyError,
    RequestError,
)
from pdp.request import Request

__version__ = "0.1.0"

__all__ = [
    "BundleError",
    "Decision",
    "DenyCause",
    "Effect",
    "Engine",
    "Entity",
    "NextAction",
    "PdpError",
    "PolicyError",
    "Request",
    "RequestError",
]

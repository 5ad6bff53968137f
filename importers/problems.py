# SPDX-License-Identifier: Apache-2.0
"""What keeps a job from working, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that would make a job fail, or may.

    Attributes:
        severity: ``error`` where the job would fail, ``warning`` where it may
        what: what was found, the start of a sentence
        todo: what to do about it, the rest of the sentence
    """

    severity: Severity
    what: str
    todo: str

    def __str__(self) -> str:
        """The finding as one sentence."""
        return f"{self.what}: {self.todo}."


def error(what: str, todo: str) -> Finding:
    """Make a finding that a job would fail of.

    Args:
        what: what was found
        todo: what to do about it

    Returns:
        the finding
    """
    return Finding("error", what, todo)


def warning(what: str, todo: str) -> Finding:
    """Make a finding that a job may fail of.

    Args:
        what: what was found
        todo: what to do about it

    Returns:
        the finding
    """
    return Finding("warning", what, todo)


def sentences(findings: Iterable[Finding], severity: Severity) -> tuple[str, ...]:
    """Return the findings of one severity, each but once.

    Args:
        findings: the findings
        severity: the severity

    Returns:
        a sentence for each
    """
    chosen = (str(found) for found in findings if found.severity == severity)
    return tuple(dict.fromkeys(chosen))


@dataclass
class Report:
    """What was found while a job is planned.

    Attributes:
        findings: what keeps the job from working
        notes: what was done to the labels, one sentence each
    """

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

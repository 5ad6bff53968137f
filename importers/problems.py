# SPDX-License-Identifier: Apache-2.0
"""Findings about a job: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """A problem that makes a job fail, or might.

    Attributes:
        severity: ``error`` if the job would fail, ``warning`` if it might
        what: what was found, the start of a sentence
        todo: what to do about it, the rest of the sentence
    """

    severity: Severity
    what: str
    todo: str

    def __str__(self) -> str:
        """Return the finding as one sentence."""
        return f"{self.what}: {self.todo}."


def error(what: str, todo: str) -> Finding:
    """Make a finding that would make a job fail."""
    return Finding("error", what, todo)


def warning(what: str, todo: str) -> Finding:
    """Make a finding that might make a job fail."""
    return Finding("warning", what, todo)


def sentences(findings: Iterable[Finding], severity: Severity) -> tuple[str, ...]:
    """Return the findings of one severity, each only once."""
    chosen = (str(found) for found in findings if found.severity == severity)
    return tuple(dict.fromkeys(chosen))


@dataclass
class Report:
    """The findings and notes of planning a job.

    Attributes:
        findings: the problems of the job
        notes: sentences about what was done to the labels
    """

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

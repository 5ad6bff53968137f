# SPDX-License-Identifier: Apache-2.0
"""Judge a sequence by the settings of an audit, without the database.

Processes that only judge import this module, and need not wait for FiftyOne.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...importers.tracks import Tracks
from ..audit import Audit, Rules, Thresholds, audit_tracks, suspected_rows
from ..embedding.cache import default_cache_dir


@dataclass(frozen=True)
class AuditSettings:
    """How an audit judges tracks.

    Attributes:
        thresholds: the :class:`Thresholds`
        kinds: the kinds of mistakes to look for
        model (None): the model that embeds crops, if the audit looks at crops
        suspects (False): whether only the tracks that the other kinds suspect are
            embedded
        predictions (None): the frame field of a detector's predictions, if the audit
            compares the tracks with them
        rules (Rules()): the :class:`Rules` of the labeling project
    """

    thresholds: Thresholds
    kinds: tuple[str, ...]
    model: str | None = None
    suspects: bool = False
    predictions: str | None = None
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True)
class Judge:
    """Judges the tracks of a sequence, which needs no database.

    Attributes:
        settings: the settings of the audit
    """

    settings: AuditSettings

    def __call__(self, sequence: tuple[Tracks, Tracks | None]) -> Audit:
        """Audit a sequence, with the embeddings of its crops if there is a model.

        Args:
            sequence: the tracks, and a detector's predictions, if there are any
        """
        tracks, predictions = sequence
        settings, vectors = self.settings, None
        if settings.model is not None:
            # torch takes seconds to load, and most audits do without it
            from ..embedding.embed import embed_cached

            limits = settings.thresholds
            rows = suspected_rows(tracks, limits) if settings.suspects else None
            vectors = embed_cached(tracks, rows, settings.model, default_cache_dir())
        return audit_tracks(
            tracks,
            settings.thresholds,
            settings.kinds,
            vectors=vectors,
            predictions=predictions,
            rules=settings.rules,
        )

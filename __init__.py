# SPDX-License-Identifier: Apache-2.0
"""Track Audit: finds the mistakes in video tracking annotations.

FiftyOne loads this module as a plugin, and ``pip`` installs it as the package
``fiftyone_track_audit``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .importers.dataset import GroundTruthDataset, MOTChallengeDataset

__version__ = "0.1.0"
__all__ = ["GroundTruthDataset", "MOTChallengeDataset", "register"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    """Imports the dataset types when they are asked for.

    The command line reads and scores files without waiting for FiftyOne.
    """
    if name in ("GroundTruthDataset", "MOTChallengeDataset"):
        from .importers import dataset

        return getattr(dataset, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def register(plugin: Any) -> None:  # noqa: ANN401 - FiftyOne's PluginContext
    """Registers the operators with FiftyOne.

    Args:
        plugin: the :class:`fiftyone.plugins.context.PluginContext`
    """
    from .plugin.operators import OPERATORS

    for operator in OPERATORS:
        plugin.register(operator)

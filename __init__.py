# SPDX-License-Identifier: Apache-2.0
"""Track Audit: finds the mistakes in video tracking annotations.

FiftyOne loads this module as a plugin, and ``pip`` installs it as the package
``fiftyone_track_audit``.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
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
    """Registers the operators and panels with FiftyOne.

    Args:
        plugin: the :class:`fiftyone.plugins.context.PluginContext`
    """
    from .plugin.operators import OPERATORS
    from .plugin.panel import PANELS

    for operator in (*OPERATORS, *PANELS):
        plugin.register(operator)
    _register_backend()


def _register_backend() -> None:
    """Makes ``annotate(backend="groundtruth")`` known to a FiftyOne that is there.

    A run is loaded again by the name of its class: so the package must be installed.
    """
    fiftyone = sys.modules.get("fiftyone")
    config = getattr(fiftyone, "annotation_config", None)
    if config is not None and find_spec("fiftyone_track_audit"):
        name = "fiftyone_track_audit.plugin.annotation.GroundTruthBackendConfig"
        config.backends.setdefault("groundtruth", {"config_cls": name})


_register_backend()

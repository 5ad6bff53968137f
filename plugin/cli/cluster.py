# SPDX-License-Identifier: Apache-2.0
"""The options that say where the work on sequences is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from ...importers.engine import Engine


@dataclass(frozen=True)
class Cluster:
    """Where the work on sequences is done.

    Attributes:
        engine: what does it: this machine, or a Ray cluster
        address: the address of the Ray cluster, such as auto or ray://host:10001
            (default: RAY_ADDRESS, or else the one that runs on this machine, or else a
            new one)
    """

    engine: Literal["local", "ray"] = "local"
    address: Annotated[str | None, Parameter(metavar="ADDRESS")] = None

    def chosen(self) -> Engine | None:
        """Return the cluster, None for the default on this machine.

        Raises:
            InputError: if only a cluster can have what was given
        """
        from ...importers.engine import Engine

        cluster = Engine(self.engine, self.address)
        return None if cluster.name == "local" else cluster

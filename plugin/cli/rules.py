# SPDX-License-Identifier: Apache-2.0
"""The rules of a labeling project, on the command line."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter

from .commands import FIELDS, FILES, STDOUT, AsJson, KmsKey, app, print_json
from .reading import Source

if TYPE_CHECKING:
    from ..audit import Rules

RulesFile: TypeAlias = Annotated[
    str | None,
    Parameter(
        metavar="TOML",
        help="the rules of the labeling project, as 'track-audit rules' writes them",
    ),
]
_SOURCE = Source()


@app.command(group=FILES)
def rules(
    labels: Annotated[
        str, Parameter(help="the labels to read, as in 'track-audit score'")
    ],
    /,
    *,
    source: Annotated[Source, FIELDS] = _SOURCE,
    output: Annotated[str | None, Parameter(metavar="TOML")] = None,
    kms_key_id: KmsKey = None,
    as_json: AsJson = False,
) -> None:
    """Propose the rules of the labeling project, with a reason for each.

    The rules say what is a mistake in this project, such as whether hidden objects
    are drawn and which classes are allowed. They are measured from the labels and
    printed as TOML. Save them, change what your guideline says otherwise, and pass
    the file to 'track-audit score', 'report', 'plan-review' or 'fix' with --rules.
    What the rules permit is then no issue, and labels that break them are.

    For example:

      track-audit rules MOT20/train --output rules.toml
      track-audit score MOT20/train --rules rules.toml

    Args:
        output: also write the rules to this file
    """
    from ..audit import propose_rules
    from ..audit.rules import rules_to_dict, rules_to_toml
    from ..plain import count
    from .output import check_output, save

    if output:
        check_output(output, ".toml", labels)
    proposed = propose_rules(source.read(labels))
    text = rules_to_toml(proposed)
    if output:
        save(output, text.encode(), kms_key_id)
    if as_json:
        reasons = dict(proposed.reasons)
        done = {"rules": rules_to_dict(proposed), "reasons": reasons}
        print_json(done, f"{count(len(reasons), 'rule')} proposed")
        return
    if output != STDOUT:
        print(text, end="")


def read_rules(path: str | None) -> Rules | None:
    """Read rules from a TOML file.

    Args:
        path: a local path or S3 URI, or None

    Returns:
        the rules, None without a path

    Raises:
        InputError: if the file cannot be read, or is no file of rules
    """
    from ...importers.files import read_bytes
    from ...importers.tracks import InputError
    from ..audit.rules import rules_from_dict

    if path is None:
        return None
    try:
        return rules_from_dict(tomllib.loads(read_bytes(path).decode()))
    except InputError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(path, "expected UTF-8 text") from error
    except ValueError as error:
        raise InputError(path, str(error)) from error

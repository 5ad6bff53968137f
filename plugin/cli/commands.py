# SPDX-License-Identifier: Apache-2.0
"""The application that commands register with, its help, and shared options."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeAlias, get_args

from cyclopts import App, CycloptsError, Group, Parameter
from cyclopts.token import Token

from ...importers.version import __version__
from .last_settings import use_last_settings
from .settings import check_tables, sources, take_file

if TYPE_CHECKING:
    from cyclopts import Argument, ArgumentCollection
    from cyclopts.help import HelpPanel
    from rich.console import Console, ConsoleOptions, RenderableType

#: What the argument "-" stands for.
STDOUT = "standard output"
#: Exit codes: wrong input, a job that is not finished, labels that were not judged
BAD, UNFINISHED, NOT_JUDGED = 2, 3, 4
#: The column at which descriptions of options begin, as in argparse
_COLUMN = 24
#: More columns than any line of a docstring has
_LONGEST_LINE = 200

_HELP = """\
Find mistakes in video tracking annotations, and have them corrected.

For example:

  track-audit score MOT20/train/MOT20-01
  track-audit report MOT20/train/MOT20-01 --output report.html
  track-audit run-quality-check --lab-path SeqLabel.json --save-path q.json
  track-audit import walkers MOT20/train/MOT20-01
  track-audit export walkers --view-name outliers --name fix-1 --folder package

'track-audit COMMAND --help' describes a command. Options can also be set
in track-audit.toml, in the file that --config names, and by environment
variables such as TRACK_AUDIT_EXPORT_BUCKET. 'audit' and 'export' also use
what was last used for the dataset."""


class PlainHelp:
    """A formatter for help in plain text, without boxes, that pipes can read."""

    def render_usage(
        self, console: Console, options: ConsoleOptions, usage: object
    ) -> None:
        """Print the usage line."""
        print(f"Usage: {usage}")

    def render_description(
        self, console: Console, options: ConsoleOptions, description: RenderableType
    ) -> None:
        """Print the command's description, whose paragraphs fill the lines."""
        wide = console.render(description, options.update(width=_LONGEST_LINE))
        text = "".join(segment.text for segment in wide).replace("``", "").rstrip()
        for number, part in enumerate(text.split("\n\n")):
            lines = [line.rstrip() for line in part.splitlines()]
            is_prose = not any(line.startswith(" ") for line in lines)
            filled = textwrap.fill(part, console.width, break_on_hyphens=False)
            print("\n" * (number > 0) + (filled if is_prose else "\n".join(lines)))

    def __call__(
        self, console: Console, options: ConsoleOptions, panel: HelpPanel
    ) -> None:
        """Print a panel as two columns: names and descriptions."""
        if panel.entries:
            print(f"\n{panel.title}:")
        for entry in panel.entries:
            label = "  " + ", ".join(entry.display_labels_with_metavar)
            words = _plain(console, entry.description).split()
            if entry.default:
                words.append(f"(default: {entry.default})")
            elif entry.required and not entry.positional_label:
                words.append("(required)")
            if len(label) > _COLUMN - 2:
                print(label)
                label = ""
            print(
                textwrap.fill(
                    " ".join(words),
                    console.width,
                    initial_indent=label.ljust(_COLUMN),
                    subsequent_indent=" " * _COLUMN,
                    break_on_hyphens=False,
                )
            )


def _plain(console: Console, renderable: RenderableType) -> str:
    return (
        "".join(segment.text for segment in console.render(renderable))
        .replace("``", "")
        .rstrip()
    )


def _describe_default(value: object) -> str | None:
    if isinstance(value, tuple):
        value = " ".join(value)
    return None if value is False or not value else str(value)


def split_commas(values: Iterable[str]) -> tuple[str, ...]:
    """Return the values of a list that may be separated by blanks or by commas."""
    return tuple(value for part in values for value in part.split(",") if value)


def give_back(
    app: App, commands: tuple[str, ...], arguments: ArgumentCollection
) -> None:
    """Give a command what a list of values before it took, as in ``--kinds gap cars``.

    Which list took it is only known if no other one has several values.
    """
    names = [one for one in arguments if one.required and one.name[0] != "-"]
    missing = [one for one in names if not one.tokens]
    lists = [one for one in arguments if one.name[0] == "-" and len(one.tokens) > 1]
    if len(lists) != 1 or len(lists[0].tokens) <= len(missing):
        return
    for name in reversed(missing):
        taken = lists[0].tokens.pop()
        name.append(Token(value=taken.value, source=taken.source))


def check_values(
    app: App, commands: tuple[str, ...], arguments: ArgumentCollection
) -> None:
    """Refuse values that would be read as something that was not meant.

    An empty text is usually a variable that is not set, and cyclopts rounds 1.5 to
    a whole number.

    Raises:
        CycloptsError: if a value is empty, or is not an integer where one is needed, or
            a file and the JSON of the result are both for the standard output
    """
    prints_json = any(one.name == "--json" and one.tokens for one in arguments)
    for argument in arguments:
        for token in filter(_is_value, argument.tokens):
            name = token.keyword or argument.name
            if not token.value:
                raise CycloptsError(msg=f"Expected a value for {name}, not ''.")
            if token.value == STDOUT and not _is_output(argument):
                raise CycloptsError(msg=f"Expected a name for {name}, not '-'.")
            if token.value == STDOUT and prints_json:
                message = (
                    f"Expected a file for {name}, not '-', as --json prints there."
                )
                raise CycloptsError(msg=message)
            kinds = get_args(argument.hint) or (argument.hint,)
            if int in kinds and not re.fullmatch(r"[+-]?\d+", token.value):
                message = f"Expected an integer for {name}, not '{token.value}'."
                raise CycloptsError(msg=message)


def _is_output(argument: Argument) -> bool:
    """Return whether an argument is a file that the standard output can stand for."""
    folders = {"DIR", "PATH"}
    named = argument.name in {"--output", "--issues"}
    is_file = named and argument.parameter.metavar not in folders
    return is_file or argument.name == "--save-path"


def _is_value(token: Token) -> bool:
    """Return whether a token holds a value, which that of a flag does not."""
    return not isinstance(token.implicit_value, bool)


#: The groups of commands, in the order of the help
FILES = Group("Audit label files, without a database", sort_key=2)
DATASETS = Group("Import, audit and review a FiftyOne dataset", sort_key=3)
JOBS = Group("Send frames of a FiftyOne dataset to annotators", sort_key=4)
CORRECTIONS = Group("Load what annotators corrected", sort_key=5)
OTHER = Group("Other", sort_key=6)


class _App(App):
    """The application, whose completion in bash falls back to the names of files."""

    def generate_completion(self, **options: Any) -> str:  # noqa: ANN401 - handed on
        script = super().generate_completion(**options)
        return script.replace("\ncomplete -F ", "\ncomplete -o default -F ")


app = _App(
    name="track-audit",
    help=_HELP,
    help_format="plaintext",
    help_formatter=PlainHelp(),
    version_flags=(),
    config=(give_back, check_values),
    group_commands=OTHER,
    group_parameters=Group("Options", sort_key=1),
    default_parameter=Parameter(
        negative=(),
        consume_multiple=1,
        allow_repeating=True,
        show_default=_describe_default,
    ),
)
app.register_install_completion_command(
    help="Install completion of commands and options for your shell."
)


@app.command(name="--version")
def version() -> None:
    """Print the version."""
    print(f"track-audit {__version__}")


DatasetName: TypeAlias = Annotated[str, Parameter(help="the name of the dataset")]
JobName: TypeAlias = Annotated[
    str,
    Parameter("--job-name", alias="--name", metavar="NAME", help="the name of the job"),
]
AsJson: TypeAlias = Annotated[
    bool, Parameter("--json", help="print the result as JSON and nothing else")
]
KmsKey: TypeAlias = Annotated[
    str | None,
    Parameter(
        "--kms-key-id",
        metavar="KEY",
        help="the KMS key that encrypts what is saved to S3 (default: as the bucket "
        "has it)",
    ),
]
#: Makes the fields of a dataclass options of the command
FIELDS = Parameter("*")


def error_line(error: object) -> str:
    """Return the one line that says what went wrong."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        error = f"{error.filename}: {error.strerror}"
    return f"track-audit: error: {' '.join(str(error).splitlines())}"


def print_json(
    content: Mapping[str, object], message: str, notes: Iterable[str] = ()
) -> None:
    """Print a result for programs; dates are text.

    Args:
        content: the result
        message: the sentence for people, as ``message``
        notes (()): what people should know, as the list ``notes``
    """
    done = {**content, "notes": [*notes], "message": message}
    print(json.dumps(done, indent=2, allow_nan=False, default=str))


def print_notes(notes: Iterable[str]) -> None:
    """Print what people should know, on standard error."""
    for note in notes:
        print(f"track-audit: note: {note}", file=sys.stderr)


def print_done(
    done: Mapping[str, object], as_json: bool = False, notes: bool = True
) -> None:
    """Print what was done.

    Args:
        done: the result, with the sentence ``message`` and, if any, a list of ``notes``
        as_json (False): whether to print the result for programs
        notes (True): whether to print the notes for people, on standard error
    """
    listed, message = done.get("notes"), str(done["message"])
    told = listed if isinstance(listed, list) else []
    if as_json:
        print_json(done, message, told)
        return
    print_notes(told if notes else ())
    print(message)


def beside(*outputs: str | None) -> redirect_stdout[TextIO]:
    """Print on standard error for a while if the standard output has a result.

    Args:
        *outputs: where results were saved
    """
    return redirect_stdout(sys.stderr if STDOUT in outputs else sys.stdout)


def _options(commands: Iterable[str]) -> set[str]:
    """Return the names of all options of commands."""
    return {
        name
        for command in commands
        for argument in app[command].assemble_argument_collection()
        for name in argument.names
    }


def run(argv: Sequence[str]) -> int:
    """Run a command, with settings from a file and from the environment.

    Returns:
        the exit code

    Raises:
        CycloptsError: if the arguments or the settings are wrong
    """
    words, file = take_file(argv)
    if not words:
        raise CycloptsError(msg="Expected a command; see 'track-audit --help'.")
    commands = [name for name in app if name[0] != "-"]
    check_tables(file, commands, partial(_options, commands))
    app.config = (*sources(file), give_back, check_values, use_last_settings)
    words = [STDOUT if word == "-" else word for word in words]
    command, bound, _ = app.parse_args(words, print_error=False, exit_on_error=False)
    code = command(*bound.args, **bound.kwargs)
    return code if isinstance(code, int) else 0

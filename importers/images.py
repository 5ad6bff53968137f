# SPDX-License-Identifier: Apache-2.0
"""Open images of frames: only in formats that frames have, and as browsers show them.

Pillow chooses the format by the content of a file, and would start Ghostscript for a
``.jpg`` that holds PostScript.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base

from .local_files import open_file
from .s3_objects import is_s3, read_object
from .tracks import InputError

#: The formats of frames, as Pillow calls them.
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
#: The orientations of EXIF whose rows are columns.
_SIDEWAYS = frozenset({5, 6, 7, 8})
#: The modes of one channel of 16 bits; PNG files of them were read as ``I`` once.
_DEEP = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I"})
#: What Pillow raises of damaged files, beside OSError.
_DAMAGE = (
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    KeyError,
    IndexError,
    struct.error,
    zlib.error,
    OverflowError,
    MemoryError,
)


def image_size(path: Path | str, content: bytes | None = None) -> tuple[int, int]:
    """Read the size of an image from its header, as it is shown.

    Args:
        path: the path to the image, or its S3 URI
        content (None): its content, if that was read already

    Returns:
        ``(width, height)`` in pixels, after the rotation that EXIF asks for

    Raises:
        InputError: if the file is missing, is no image of a format that frames have,
            or is damaged or too large
    """
    with _opened(path, content) as image:
        width, height = image.size
        return (height, width) if _orientation(image) in _SIDEWAYS else (width, height)


def read_image(path: Path | str, content: bytes | None = None) -> Image.Image:
    """Read the pixels of an image in RGB, as browsers show them.

    Args:
        path: the path to the image, or its S3 URI
        content (None): its content, if that was read already

    Returns:
        an image in mode ``RGB``, rotated as EXIF asks for. Of 16 bits, the upper 8 are
        taken, and what is transparent shows its color

    Raises:
        InputError: as :func:`image_size`, or if the file is not complete
    """
    with _opened(path, content) as image:
        if image.mode in _DEEP:
            values = np.asarray(image).astype(np.int64).clip(0, 2**16 - 1) >> 8
            return Image.fromarray(values.astype(np.uint8)).convert("RGB")
        turned = ImageOps.exif_transpose(image) if _orientation(image) > 1 else image
        return turned.convert("RGB")


@contextmanager
def _opened(path: Path | str, content: bytes | None) -> Iterator[Image.Image]:
    """Open an image; what is wrong with it is an InputError within the context, too."""
    if content is None and is_s3(path):
        content = read_object(str(path))
    if content is None:
        with open_file(path, "an image") as file, _parsed(path, file) as image:
            yield image
    else:
        with _parsed(path, io.BytesIO(content)) as image:
            yield image


@contextmanager
def _parsed(path: Path | str, content: BinaryIO) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            # Up to twice the pixels of which Pillow warns, an image may be a frame
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(content, formats=FORMATS)
        with image:
            yield image
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        message = f"an image of more than {most:,} pixels; expected that of a frame"
        raise InputError(path, message) from error
    except (OSError, *_DAMAGE) as error:
        reason: object = error
        if isinstance(error, UnidentifiedImageError):
            reason = f"it is none of {', '.join(FORMATS)}"
        message = f"the image cannot be read ({reason}); expected a complete image"
        raise InputError(path, message) from error


def _orientation(image: Image.Image) -> int:
    """Return how EXIF says that the image is to be turned, 1 if not at all."""
    # Pillow turns TIFF itself, and would read a whole PNG to look behind its pixels
    if image.format == "TIFF" or "exif" not in image.info:
        return 1
    value = image.getexif().get(Base.Orientation, 1)
    return value if isinstance(value, int) else 1

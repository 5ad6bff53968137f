# SPDX-License-Identifier: Apache-2.0
"""How much of a sequence fits into one sample."""

import bson
import pytest
from fiftyone_track_audit.importers.audit_fields import DETECTION_FIELDS
from fiftyone_track_audit.importers.video_samples import (
    BYTES_PER_DOCUMENT,
    MAX_DETECTIONS_PER_SAMPLE,
)

pytestmark = pytest.mark.usefixtures("database")

VALUES = {"float": 0.5, "bool": False, "str": "moved", "list of str": []}
#: The key of a detection in the array of its frame's document, and the type of it.
KEY = 1 + len("100") + 1


def size(corrected, **further):
    """The bytes of a detection with all fields of an audit, or of corrections."""
    import fiftyone as fo

    fields = {
        field.name: VALUES[field.type]
        for field in DETECTION_FIELDS
        if field.is_stored and (field.group == "corrections") == corrected
    }
    box = fo.Detection(label="pedestrian", bounding_box=[0.1, 0.2, 0.3, 0.4], index=123)
    return len(bson.encode({**box.to_dict(), **fields, **further})) + KEY


def test_the_greatest_sample_fits_into_a_document_of_mongodb():
    audited = size(False, considered=True, visibility=0.5)
    most = MAX_DETECTIONS_PER_SAMPLE * (audited + size(True))
    # There is little room left, and the documents of the frames need some of it
    assert 0.85 < most / BYTES_PER_DOCUMENT < 0.98

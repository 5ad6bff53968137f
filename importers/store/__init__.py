# SPDX-License-Identifier: Apache-2.0
"""Read and write tracks, samples and runs in FiftyOne's collections.

Documents are written as plain dicts, which is about 40 times as fast as
``fo.Detection`` objects, and read with one projection over the frames, which avoids
the size limit of joining all frames of a sample into one document. Only these modules
use private parts of FiftyOne; a test compares what they store with what FiftyOne
stores.
"""

from .bulk import Step
from .documents import (
    all_or_nothing,
    count_modified,
    find_frames,
    find_modified,
    find_shown,
    read_detections,
    read_frame_values,
    read_modified,
    replace_detections,
    set_frame_values,
    update_samples,
)
from .fields import (
    FRAME_OFFSET,
    FRAMES_URI,
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    SEQUENCE,
    declare_corrections,
    declare_fields,
    field_type,
    find_label_field,
    find_predictions_field,
    holds_corrections,
    known_classes,
    label_fields,
    list_classes,
    listed_classes,
    to_objects,
)
from .frame_documents import (
    add_frame_field,
    are_images,
    are_videos,
    delete_frame_field,
    frame_path,
    frame_schema,
)
from .identity_marks import (
    IdentityMark,
    note_instances,
    read_identity,
    set_identity,
    set_track_attribute,
)
from .image_sequences import (
    FrameOrder,
    choose_order,
    describe_order,
    has_order,
    images_of_issues,
    read_images,
    read_order,
)
from .kept_numbers import keep_numbers, read_numbers
from .known_values import known_values
from .label_schemas import set_up_annotator
from .metadata import add_metadata
from .own_fields import declare_own, own_attributes, write_own
from .parts import (
    greatest_index,
    place_frames,
    read_boxes,
    read_range,
    read_whole,
)
from .polylines import box_polylines
from .reading import (
    StoredTracks,
    read_labeled_sequences,
    read_part,
    read_sequences,
    read_tracks,
)
from .sequences import (
    SampleSpan,
    count_frames,
    frame_counts,
    read_spans,
    sample_ids,
    samples_by_sequence,
    select_sequences,
    sequence_names,
    untracked_sequences,
)
from .views import (
    dataset_of,
    frames_as_samples,
    id_of,
    in_slice,
    kind_of,
    label_ids,
    shows_all_labels,
)
from .writing import (
    Segment,
    add_detections,
    insert_labels,
    insert_tracks,
    make_detections,
    write_columns,
)

__all__ = [
    "FRAMES_URI",
    "FRAME_OFFSET",
    "IMAGE_HEIGHT",
    "IMAGE_WIDTH",
    "SEQUENCE",
    "FrameOrder",
    "IdentityMark",
    "SampleSpan",
    "Segment",
    "Step",
    "StoredTracks",
    "add_detections",
    "add_frame_field",
    "add_metadata",
    "all_or_nothing",
    "are_images",
    "are_videos",
    "box_polylines",
    "choose_order",
    "count_frames",
    "count_modified",
    "dataset_of",
    "declare_corrections",
    "declare_fields",
    "declare_own",
    "delete_frame_field",
    "describe_order",
    "field_type",
    "find_frames",
    "find_label_field",
    "find_modified",
    "find_predictions_field",
    "find_shown",
    "frame_counts",
    "frame_path",
    "frame_schema",
    "frames_as_samples",
    "greatest_index",
    "has_order",
    "holds_corrections",
    "id_of",
    "images_of_issues",
    "in_slice",
    "insert_labels",
    "insert_tracks",
    "keep_numbers",
    "kind_of",
    "known_classes",
    "known_values",
    "label_fields",
    "label_ids",
    "list_classes",
    "listed_classes",
    "make_detections",
    "note_instances",
    "own_attributes",
    "place_frames",
    "read_boxes",
    "read_detections",
    "read_frame_values",
    "read_identity",
    "read_images",
    "read_labeled_sequences",
    "read_modified",
    "read_numbers",
    "read_order",
    "read_part",
    "read_range",
    "read_sequences",
    "read_spans",
    "read_tracks",
    "read_whole",
    "replace_detections",
    "sample_ids",
    "samples_by_sequence",
    "select_sequences",
    "sequence_names",
    "set_frame_values",
    "set_identity",
    "set_track_attribute",
    "set_up_annotator",
    "shows_all_labels",
    "to_objects",
    "untracked_sequences",
    "update_samples",
    "write_columns",
    "write_own",
]

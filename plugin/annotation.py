# SPDX-License-Identifier: Apache-2.0
"""Provide Ground Truth as an annotation backend of FiftyOne.

::

    import fiftyone as fo
    import fiftyone_track_audit

    view.annotate(
        "fix", backend="groundtruth", label_field="frames.ground_truth",
        bucket="...", role_arn="...", workteam_arn="...",
    )
    dataset.load_annotations("fix")

It sends and loads frames like the operators. FiftyOne would merge corrections by
overwriting the labels that were sent, so that is not used: corrected labels go into a
second field, and the user chooses what to apply. To load a local copy of the output,
use the operator ``load_adjustments``: FiftyOne passes the arguments of
``load_annotations()`` on to a backend only the first time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.core.media as fom
import fiftyone.utils.annotations as foua

from ..importers import store
from .corrections.loading import load_adjustment
from .groundtruth.request import AdjustmentJob, job_in
from .plain import Json
from .sending.groundtruth import export_adjustment
from .sending.groundtruth_jobs import adjustment_status, stop_adjustment
from .sending.groundtruth_plan import plan_adjustment

_SETTINGS = {field.name for field in fields(AdjustmentJob)} - {"name", "labels"}


class GroundTruthBackendConfig(foua.AnnotationBackendConfig):  # type: ignore[misc]
    """Configure a :class:`GroundTruthBackend`.

    Args:
        name: the name of the backend
        label_schema: the label schema, of one frame field of detections
        media_field ("filepath"): not used, because frames are sent from their files
        job_name (None): the labeling job's name, by default the annotation key
        folder (None): a new folder for the package, or that of its earlier export;
            by default below FiftyOne's dataset folder. With an S3 URI, which sets
            ``bucket`` and ``prefix``, the package is in S3 alone
        context (2): the number of labeled frames to send before and after each
            chosen frame
        include_dismissed (False): whether to send frames that only have dismissed
            issues
        only_tracks (False): whether to send only the tracks that the issues and the
            flagged boxes of the chosen frames are about
        add_cors (False): whether to add the CORS rule that the worker's page needs
            to the bucket, if it has none
        adjusted_field (None): the frame field for the corrected labels, by default
            ``<label field>_adjusted``
        settings (None): settings of the job; see ``AdjustmentJob``
        **kwargs: settings of the job, such as ``bucket``, ``region``,
            ``role_arn`` and ``workteam_arn``
    """

    def __init__(
        self,
        name: str,
        label_schema: Json | None,
        media_field: str = "filepath",
        job_name: str | None = None,
        folder: str | None = None,
        context: int = 2,
        include_dismissed: bool = False,
        only_tracks: bool = False,
        add_cors: bool = False,
        adjusted_field: str | None = None,
        settings: Json | None = None,
        **kwargs: Any,  # noqa: ANN401 - the job's settings
    ) -> None:
        """Create the configuration.

        Raises:
            ValueError: if a job has no such setting
        """
        unknown = set(kwargs) - _SETTINGS
        if unknown:
            raise ValueError(
                f"a job has no setting {', '.join(sorted(unknown))}; the settings are "
                f"{', '.join(sorted(_SETTINGS))}"
            )
        super().__init__(name, label_schema, media_field=media_field)
        self.job_name = job_name
        self.folder = folder
        self.context = context
        self.include_dismissed = include_dismissed
        self.only_tracks = only_tracks
        self.add_cors = add_cors
        self.adjusted_field = adjusted_field
        self.settings = {**(settings or {}), **kwargs}


class GroundTruthBackend(foua.AnnotationBackend):  # type: ignore[misc]
    """Send the frames of a view to SageMaker Ground Truth.

    Args:
        config: a :class:`GroundTruthBackendConfig`
    """

    # Images are those of views of frames
    supported_media_types: ClassVar = [fom.VIDEO, fom.IMAGE]
    supported_label_types: ClassVar = ["detections"]
    supported_scalar_types: ClassVar[list[type]] = []
    # Of any type, because attributes are sent with their labels
    supported_attr_types: ClassVar = ["text"]
    supports_clips_views = True
    supports_keyframes = False
    supports_video_sample_fields = False
    requires_label_schema = True

    def recommend_attr_tool(self, name: str, value: object) -> dict[str, str]:
        """Return a tool for an attribute; its values decide later."""
        return {"type": "text"}

    def requires_attr_values(self, attr_type: str) -> bool:
        """Return False, because the values are taken from the labels."""
        return False

    def upload_annotations(
        self,
        samples: fo.core.collections.SampleCollection,
        anno_key: str,
        launch_editor: bool = False,
    ) -> GroundTruthAnnotationResults:
        """Write the job, and upload and start it if the settings suffice.

        Args:
            samples: a :class:`fiftyone.core.collections.SampleCollection`
            anno_key: the annotation key
            launch_editor (False): not used, because workers have their own page

        Raises:
            ValueError: if anything would make the job fail; nothing is written
            GroundTruthError: if AWS fails
        """
        dataset = store.dataset_of(samples)
        try:
            return self._send(dataset, samples, anno_key)
        except BaseException:
            dataset.delete_annotation_run(anno_key)
            raise

    def _send(
        self,
        dataset: fo.Dataset,
        samples: fo.core.collections.SampleCollection,
        anno_key: str,
    ) -> GroundTruthAnnotationResults:
        config = self.config
        if len(config.label_schema) != 1:
            raise ValueError(
                f"expected one label field, not {', '.join(config.label_schema)}"
            )
        ((field, schema),) = config.label_schema.items()
        if not schema.get("existing_field"):
            raise ValueError(f"'{field}' has no labels; expected tracks to correct")
        classes = schema.get("classes") or []
        if isinstance(classes, str) or not all(isinstance(c, str) for c in classes):
            raise ValueError(
                f"the classes of '{field}' are {classes!r}; expected a list of names, "
                "as attributes are sent with their labels"
            )
        job = AdjustmentJob(
            name=config.job_name or anno_key.replace("_", "-"),
            labels=tuple(classes),
            **config.settings,
        )
        job = job_in(config.folder, job)
        adjustment = plan_adjustment(
            samples,
            job,
            field,
            config.context,
            include_dismissed=config.include_dismissed,
            only_tracks=config.only_tracks,
        )
        export_adjustment(dataset, adjustment, config.folder, add_cors=config.add_cors)
        return GroundTruthAnnotationResults(
            samples, config, anno_key, {}, job.name, backend=self
        )

    def download_annotations(self, results: GroundTruthAnnotationResults) -> Json:
        """Load the corrections into the second label field.

        Returns:
            an empty dict, so that FiftyOne merges nothing

        Raises:
            InputError: if a file is damaged or belongs to another job
            GroundTruthError: if there is no output yet, or AWS cannot be asked
        """
        load_adjustment(
            store.dataset_of(results.samples),
            results.job_name,
            adjusted_field=results.config.adjusted_field,
        )
        return {}


class GroundTruthAnnotationResults(foua.AnnotationResults):  # type: ignore[misc]
    """Hold what is known of a job that was sent.

    Args:
        samples: the collection that was sent
        config: its :class:`GroundTruthBackendConfig`
        anno_key: the annotation key
        id_map: is empty, so that FiftyOne neither merges nor deletes labels
        job_name: the labeling job's name
        backend (None): the :class:`GroundTruthBackend`
    """

    def __init__(
        self,
        samples: fo.core.collections.SampleCollection,
        config: GroundTruthBackendConfig,
        anno_key: str,
        id_map: Json,
        job_name: str,
        backend: GroundTruthBackend | None = None,
    ) -> None:
        """Create the results."""
        super().__init__(samples, config, anno_key, id_map, backend=backend)
        self.job_name = job_name

    def check_status(self) -> Sequence[Json]:
        """Read the status of the labeling jobs from AWS.

        Returns:
            the jobs, as in the operator ``adjustment_job_status``
        """
        dataset = store.dataset_of(self.samples)
        return list(map(asdict, adjustment_status(dataset, self.job_name)))

    def stop(self) -> Sequence[Json]:
        """Stop the labeling jobs; what workers have finished is kept."""
        dataset = store.dataset_of(self.samples)
        return list(map(asdict, stop_adjustment(dataset, self.job_name)))

    def launch_editor(self) -> None:
        """Do nothing: workers open their page from an e-mail."""

    def cleanup(self) -> None:
        """Do nothing: labeling jobs cannot be deleted, and their output is kept."""

    @classmethod
    def _from_dict(
        cls,
        d: Json,
        samples: fo.core.collections.SampleCollection,
        config: GroundTruthBackendConfig,
        anno_key: str,
    ) -> GroundTruthAnnotationResults:
        return cls(samples, config, anno_key, d["id_map"], d["job_name"])

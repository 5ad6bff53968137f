# SPDX-License-Identifier: Apache-2.0
"""Ground Truth as an annotation backend of FiftyOne's.

::

    import fiftyone as fo
    import fiftyone_track_audit

    view.annotate(
        "fix", backend="groundtruth", label_field="frames.ground_truth",
        bucket="...", role_arn="...", workteam_arn="...",
    )
    dataset.load_annotations("fix")

It sends and loads as the operators do. FiftyOne's own way of merging is not used:
it would overwrite the labels that were sent, label by label. So the corrected
labels go into the second field, and what to apply is chosen afterwards. A local
copy of the output is for the operator ``load_adjustments``: FiftyOne hands the
arguments of ``load_annotations()`` on the first time only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fom
import fiftyone.utils.annotations as foua

from ..importers import store
from .corrections.loading import load_adjustment
from .groundtruth.request import AdjustmentJob
from .sending.groundtruth import export_adjustment
from .sending.groundtruth_jobs import adjustment_status, stop_adjustment
from .sending.groundtruth_plan import plan_adjustment

_SETTINGS = {field.name for field in fields(AdjustmentJob)} - {"name", "labels"}


class GroundTruthBackendConfig(foua.AnnotationBackendConfig):  # type: ignore[misc]
    """Configuration of a :class:`GroundTruthBackend`.

    Args:
        name: the name of the backend
        label_schema: the label schema, of one frame field of detections
        media_field ("filepath"): is not used: frames are sent from their files
        job_name (None): the labeling job's name, by default the annotation key
        folder (None): a new folder for the package, or the one of its earlier
            export; by default below FiftyOne's dataset folder
        context (2): the number of labelled frames to send along before and after
            each
        include_dismissed (False): whether to send frames that dismissed issues
            alone are about, too
        add_cors (False): whether to add the CORS rule that the worker's page needs
            to the bucket, where it has none
        adjusted_field (None): the frame field for the corrected labels, by default
            ``<label field>_adjusted``
        settings (None): settings of the job; see ``AdjustmentJob``
        **kwargs: settings of the job, such as ``bucket``, ``region``,
            ``role_arn`` and ``workteam_arn``
    """

    def __init__(
        self,
        name: str,
        label_schema: dict[str, Any] | None,
        media_field: str = "filepath",
        job_name: str | None = None,
        folder: str | None = None,
        context: int = 2,
        include_dismissed: bool = False,
        add_cors: bool = False,
        adjusted_field: str | None = None,
        settings: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 - the job's settings
    ) -> None:
        """Creates the configuration.

        Raises:
            ValueError: if a setting is not one of the job's
        """
        unknown = set(kwargs) - _SETTINGS
        if unknown:
            raise ValueError(
                f"a job has no setting {', '.join(sorted(unknown))}; expected some of "
                f"{', '.join(sorted(_SETTINGS))}"
            )
        super().__init__(name, label_schema, media_field=media_field)
        self.job_name = job_name
        self.folder = folder
        self.context = context
        self.include_dismissed = include_dismissed
        self.add_cors = add_cors
        self.adjusted_field = adjusted_field
        self.settings = {**(settings or {}), **kwargs}


class GroundTruthBackend(foua.AnnotationBackend):  # type: ignore[misc]
    """Sends the frames of a view to SageMaker Ground Truth.

    Args:
        config: a :class:`GroundTruthBackendConfig`
    """

    @property
    def supported_media_types(self) -> list[str]:
        """Videos, and the images of views of their frames."""
        return [fom.VIDEO, fom.IMAGE]

    @property
    def supported_label_types(self) -> list[str]:
        """Boxes alone."""
        return ["detections"]

    @property
    def supported_scalar_types(self) -> list[type]:
        """No scalars."""
        return []

    @property
    def supported_attr_types(self) -> list[str]:
        """Attributes go along with their labels, whatever they are."""
        return ["text"]

    @property
    def supports_clips_views(self) -> bool:
        """The frames of clips are sent."""
        return True

    @property
    def supports_keyframes(self) -> bool:
        """Every labelled frame is a box of its own."""
        return False

    @property
    def supports_video_sample_fields(self) -> bool:
        """Labels of whole videos cannot be sent."""
        return False

    @property
    def requires_label_schema(self) -> bool:
        """There must be tracks to correct."""
        return True

    def recommend_attr_tool(self, name: str, value: object) -> dict[str, str]:
        """Returns the tool for an attribute, which its values decide later."""
        return {"type": "text"}

    def requires_attr_values(self, attr_type: str) -> bool:
        """Values are taken from the labels."""
        return False

    def upload_annotations(
        self,
        samples: fo.core.collections.SampleCollection,
        anno_key: str,
        launch_editor: bool = False,
    ) -> GroundTruthAnnotationResults:
        """Writes, uploads and starts the job, as far as the settings go.

        Args:
            samples: a :class:`fiftyone.core.collections.SampleCollection`
            anno_key: the annotation key
            launch_editor (False): is not used: workers have a page of their own

        Returns:
            a :class:`GroundTruthAnnotationResults`

        Raises:
            ValueError: if anything would make the job fail; nothing is written
            GroundTruthError: if AWS fails on the way
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
                f"the classes of '{field}' are {classes!r}; expected a list of names: "
                "attributes go along with their labels"
            )
        job = AdjustmentJob(
            name=config.job_name or anno_key.replace("_", "-"),
            labels=tuple(classes),
            **config.settings,
        )
        adjustment = plan_adjustment(
            samples,
            job,
            field,
            config.context,
            include_dismissed=config.include_dismissed,
        )
        export_adjustment(dataset, adjustment, config.folder, add_cors=config.add_cors)
        return GroundTruthAnnotationResults(
            samples, config, anno_key, {}, job.name, backend=self
        )

    def download_annotations(
        self, results: GroundTruthAnnotationResults
    ) -> dict[str, Any]:
        """Loads what came back into the second label field.

        Args:
            results: a :class:`GroundTruthAnnotationResults`

        Returns:
            an empty dict: there is nothing left for FiftyOne to merge

        Raises:
            InputError: if a file is damaged or belongs to another job
            GroundTruthError: if nothing came back yet, or AWS cannot be asked
        """
        load_adjustment(
            store.dataset_of(results.samples),
            results.job_name,
            adjusted_field=results.config.adjusted_field,
        )
        return {}


class GroundTruthAnnotationResults(foua.AnnotationResults):  # type: ignore[misc]
    """A job that was sent.

    Args:
        samples: the collection that was sent
        config: its :class:`GroundTruthBackendConfig`
        anno_key: the annotation key
        id_map: stays empty, so that FiftyOne neither merges nor deletes labels
        job_name: the labeling job's name
        backend (None): the :class:`GroundTruthBackend`
    """

    def __init__(
        self,
        samples: fo.core.collections.SampleCollection,
        config: GroundTruthBackendConfig,
        anno_key: str,
        id_map: dict[str, Any],
        job_name: str,
        backend: GroundTruthBackend | None = None,
    ) -> None:
        """Creates the results."""
        super().__init__(samples, config, anno_key, id_map, backend=backend)
        self.job_name = job_name

    def check_status(self) -> Sequence[dict[str, Any]]:
        """Asks AWS how the labeling jobs stand.

        Returns:
            as of the operator ``adjustment_job_status``
        """
        dataset = store.dataset_of(self.samples)
        return list(map(asdict, adjustment_status(dataset, self.job_name)))

    def stop(self) -> Sequence[dict[str, Any]]:
        """Stops the labeling jobs; what workers have finished is kept.

        Returns:
            the status after that
        """
        dataset = store.dataset_of(self.samples)
        return list(map(asdict, stop_adjustment(dataset, self.job_name)))

    def launch_editor(self) -> None:
        """Workers open their page from the mail that they get."""

    def cleanup(self) -> None:
        """Labeling jobs cannot be deleted, and their output is kept."""

    @classmethod
    def _from_dict(
        cls,
        d: dict[str, Any],
        samples: fo.core.collections.SampleCollection,
        config: GroundTruthBackendConfig,
        anno_key: str,
    ) -> GroundTruthAnnotationResults:
        return cls(samples, config, anno_key, d["id_map"], d["job_name"])

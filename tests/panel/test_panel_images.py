# SPDX-License-Identifier: Apache-2.0
"""The panel on an image dataset, whose samples are frames."""

import pytest
from panel_page import begin


@pytest.fixture(scope="module")
def dataset(database, tmp_path_factory):
    from fiftyone_track_audit.plugin.review.audits import audit_dataset
    from own_datasets import image_dataset

    folder = tmp_path_factory.mktemp("images") / "street"
    with image_dataset(folder, name="images-in-the-panel") as dataset:
        dataset.persistent = True
        audit_dataset(dataset)
        yield dataset


def test_a_crop_opens_the_image_of_its_frame(app, page, dataset):
    from fiftyone import ViewField as F
    from own_datasets import SHIFTED

    panel = begin(page, f"{app}/datasets/{dataset.name}")
    panel.get_by_test_id("issue").first.click()
    crop = panel.get_by_test_id("strip").locator(f"[data-frame='{SHIFTED}']").first
    crop.wait_for()
    crop.click()
    page.locator("[data-cy=modal]").wait_for()
    wrong = dataset.match(F("filepath").ends_with(f"/{SHIFTED}.png")).first()
    page.wait_for_url(f"**{wrong.id}**")

"""The mean image of each class."""

from __future__ import annotations

import numpy as np

from nn_core.data import Dataset
from nn_core.data.means import mean_images


def test_the_mean_image_is_the_mean_of_its_class(tiny: Dataset):
    means = mean_images(tiny.val_images, tiny.val_labels)
    assert means.shape == (10, 28, 28) and means.dtype == np.uint8
    members = [image.astype(float) for image, label in zip(tiny.val_images, tiny.val_labels, strict=True) if label == 6]
    np.testing.assert_allclose(means[6], sum(members) / len(members), atol=0.51)
    assert not mean_images(tiny.val_images[:0], tiny.val_labels[:0]).any()

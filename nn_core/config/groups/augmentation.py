"""The settings of augmentation: random changes of the training images, so that no two steps see the same ones."""

from __future__ import annotations

from dataclasses import dataclass

from nn_core.config.setting import declare


@dataclass(frozen=True)
class AugmentationSettings:
    """How much each image is moved, turned, bent and so on, anew in every step (see data/augment.py)."""

    shift: float = declare(
        "float",
        0.0,
        "Shift",
        "Moves each image at random by at most so many pixels. Try 2: the network cannot count on places.",
        r"x \leftarrow x - \mathcal{U}(-s, s)^2",
        "augmentation",
        "new network",
        citation="Simard, Steinkraus & Platt 2003",
        unit=" px",
        low=0.0,
        high=8.0,
        steps=(0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0),
        folded=True,
        zero_means="off",
        searched=(0.0, 2.0),
    )
    rotation: float = declare(
        "float",
        0.0,
        "Rotation",
        "Turns each image at random by at most so many degrees. Try 10, then 180, and look at 6 and 9.",
        r"R(\theta),\ \theta \sim \mathcal{U}(-r, r)",
        "augmentation",
        "new network",
        citation="Simard, Steinkraus & Platt 2003",
        unit="°",
        low=0.0,
        high=180.0,
        steps=(0.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 90.0, 180.0),
        folded=True,
        zero_means="off",
        searched=(0.0, 20.0),
    )
    scale: float = declare(
        "float",
        0.0,
        "Scale",
        "Enlarges or shrinks each image by at most this share. Try 0.1.",
        r"s \sim \mathcal{U}(1-a, 1+a)",
        "augmentation",
        "new network",
        citation="LeCun, Bottou, Bengio & Haffner 1998",
        low=0.0,
        high=0.5,
        steps=(0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5),
        folded=True,
        zero_means="off",
        searched=(0.0, 0.2),
    )
    shear: float = declare(
        "float",
        0.0,
        "Shear",
        "Slants each image by at most so many pixels sideways for one pixel down. Try 0.2.",
        r"x \leftarrow x + k y,\ k \sim \mathcal{U}(-a, a)",
        "augmentation",
        "new network",
        citation="Simard, Steinkraus & Platt 2003",
        low=0.0,
        high=1.0,
        steps=(0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0),
        folded=True,
        zero_means="off",
        searched=(0.0, 0.4),
    )
    thickness: float = declare(
        "float",
        0.0,
        "Stroke thickness",
        "Makes strokes thicker or thinner by at most this share of a pixel on each side. Try 0.5.",
        r"x \leftarrow x + a\,(\max_{+} x - x)",
        "augmentation",
        "new network",
        citation="Serra 1982 (erosion and dilation)",
        low=0.0,
        high=1.0,
        steps=(0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
        folded=True,
        zero_means="off",
        searched=(0.0, 0.7),
    )
    noise: float = declare(
        "float",
        0.0,
        "Pixel noise",
        "Adds a random grey to every pixel; its standard deviation as a share of white. Try 0.2.",
        r"x \leftarrow x + \mathcal{N}(0, \sigma^2)",
        "augmentation",
        "new network",
        citation="Bishop 1995",
        low=0.0,
        high=1.0,
        steps=(0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
        folded=True,
        zero_means="off",
        searched=(0.0, 0.2),
    )
    elastic: float = declare(
        "float",
        0.0,
        "Elastic distortion",
        "How strongly each image is bent, as by a trembling hand; alpha in the paper. Try 34.",
        r"x \leftarrow x + \alpha\, G_\sigma * \mathcal{U}(-1, 1)",
        "augmentation",
        "new network",
        citation="Simard, Steinkraus & Platt 2003",
        unit=" px",
        low=0.0,
        high=200.0,
        steps=(0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 34.0, 40.0, 60.0, 100.0, 200.0),
        folded=True,
        zero_means="off",
        searched=(0.0, 40.0),
    )
    elastic_sigma: float = declare(
        "float",
        4.0,
        "Elastic smoothness",
        "Over how many pixels the bending is smoothed: over few, strokes are torn; over many, moved. Try 2 and 8.",
        r"G_\sigma",
        "augmentation",
        "new network",
        citation="Simard, Steinkraus & Platt 2003",
        unit=" px",
        low=0.5,
        high=10.0,
        steps=(0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0),
        folded=True,
        needs="elastic",
        searched=(3.0, 8.0),
    )

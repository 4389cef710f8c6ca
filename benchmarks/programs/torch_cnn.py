"""The same convolutional network in PyTorch at its quickest: float32 images in memory, a fused optimizer, no .item().

Pooling stands before ReLU, as in ours: the same result on a quarter of the values. A step on a batch of two comes
first, so that what is loaded once is no part of the memory.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.programs.growth import peak_growth
from benchmarks.programs.worker import Steps, serve

FEW = 4  # steps whose memory is measured
PARTS = (100, 250, 1000, 10_000)  # images at once that the answers are tried with; the quickest is used


def prepare(settings: dict[str, Any]) -> tuple[Steps, dict[str, Any]]:
    """The steps of an eager loop with `torch.optim`, or the answers to all test images."""
    import torch
    from torch import nn

    from nn_core import RunConfig, load_mnist

    config = RunConfig.from_dict(settings["config"])
    torch.set_flush_denormal(True)  # Adam's fading moments would slow it down after a thousand steps
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(config.seed)
    layout = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}[settings["layout"]]
    data = load_mnist()
    images, test_images = (
        torch.from_numpy(x[:, None].copy()).to(torch.float32).div_(255).contiguous(memory_format=layout)
        for x in (data.train_images, data.test_images)
    )
    labels = torch.from_numpy(data.train_labels.astype("int64"))
    loss_of = nn.CrossEntropyLoss()
    n, size = len(images), config.batch_size
    position, order = n, torch.empty(0, dtype=torch.int64)

    def made() -> tuple[Any, Any]:
        model = network(config.channels).to(memory_format=layout)
        return model, torch.optim.Adam(model.parameters(), lr=config.lr, betas=(config.beta1, config.beta2), fused=True)

    def step(model: Any, optimizer: Any, batch: Any) -> None:
        x, y = images.index_select(0, batch), labels.index_select(0, batch)
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(x), y).backward()
        optimizer.step()

    step(*made(), torch.arange(2))
    model, optimizer = None, None

    def steps(count: int) -> None:
        nonlocal position, order
        for _ in range(count):
            if position >= n:
                position, order = 0, torch.randperm(n)
            step(model, optimizer, order[position : position + size])
            position += size

    def begin() -> None:
        nonlocal model, optimizer
        model, optimizer = made()
        steps(FEW)

    growth = peak_growth(begin)
    facts = {"version": f"PyTorch {torch.__version__}", "growth_mb": growth}
    if settings["what"] != "answers":
        return steps, facts

    def answers(count: int, part: int = 0) -> None:
        with torch.inference_mode():
            for _ in range(count):
                for some in test_images.split(part or quickest):
                    model(some)  # type: ignore[misc]

    def seconds(part: int) -> float:
        answers(1, part)
        started = time.perf_counter()
        answers(2, part)
        return time.perf_counter() - started

    quickest = min(PARTS, key=seconds)
    return answers, facts


def network(channels: tuple[int, ...]) -> Any:
    """nn.Sequential of two blocks, (m, 1, 28, 28) -> 10 logits."""
    from torch import nn

    one, two = channels
    return nn.Sequential(
        *(nn.Conv2d(1, one, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(one, two, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(16 * two, 10)),
    )


if __name__ == "__main__":
    serve(prepare)

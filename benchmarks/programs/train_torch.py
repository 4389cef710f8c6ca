"""PyTorch's training of a recipe: the same network, the same spread of first weights, the same schedule by step."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.programs.torch_step import make_optimizer, mlp
from benchmarks.programs.worker import Epochs, Train, serve_trainings

if TYPE_CHECKING:
    from nn_core import RunConfig


def prepare(settings: dict[str, Any]) -> tuple[Train, dict[str, Any]]:
    """Trainings that are scored at the end of each epoch; the images are scaled anew for each, on the clock."""
    import torch
    from torch import nn

    from nn_core import load_dataset
    from nn_core.config.choices import choices
    from nn_core.nn.schedules import lr_multiplier

    torch.set_flush_denormal(True)
    torch.set_num_threads(settings["threads"])
    data = load_dataset(settings["config"]["dataset"])
    raw, raw_val = (torch.from_numpy(x.reshape(-1, 784).copy()) for x in (data.train_images, data.val_images))
    all_labels, val_labels = (torch.from_numpy(y.astype("int64")) for y in (data.train_labels, data.val_labels))

    def train(config: RunConfig) -> Epochs:
        started = time.perf_counter()
        torch.manual_seed(config.seed)
        factor, offset = choices("input_scaling")[config.input_scaling].target()
        n, size = config.n_train, config.effective_batch(config.n_train)
        images, val_images = (x.to(torch.float32).mul_(factor).add_(offset) for x in (raw[:n], raw_val))
        labels = all_labels[:n]
        model = network(config)
        if config.model == "cnn":
            images, val_images = (as_maps(x) for x in (images, val_images))
            model = model.to(memory_format=torch.channels_last)
        for layer in model:
            if isinstance(layer, nn.Linear | nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)
        optimizer = make_optimizer(model, config, settings["variant"])
        loss_of = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        n_steps = config.epochs * -(-n // size)
        made = 0
        ends: Epochs = []
        for _ in range(config.epochs):
            model.train()
            order = torch.randperm(n)
            for batch in order.split(size):
                optimizer.param_groups[0]["lr"] = config.lr * lr_multiplier(made, n_steps, config)
                optimizer.zero_grad(set_to_none=True)
                loss_of(model(images.index_select(0, batch)), labels.index_select(0, batch)).backward()
                optimizer.step()
                made += 1
            model.eval()
            with torch.no_grad():
                right = (model(val_images).argmax(1) == val_labels).float().mean().item()
            ends.append((time.perf_counter() - started, right))
        return ends

    return train, {"version": f"PyTorch {torch.__version__}"}


def network(config: RunConfig) -> Any:
    """nn.Sequential of the settings' network: fully connected, or blocks of convolution and dense layers."""
    from torch import nn

    if config.model != "cnn":
        return mlp(config.hidden)
    layers: list[nn.Module] = []
    c_in, side = 1, 28
    for c_out in config.channels:
        layers += [nn.Conv2d(c_in, c_out, config.kernel, padding=config.padding), nn.MaxPool2d(config.pool)]
        layers += [nn.BatchNorm2d(c_out)] if config.normalization == "batch" else []
        layers.append(nn.ReLU())
        c_in, side = c_out, (side + 2 * config.padding - config.kernel + 1) // config.pool
    layers += [nn.Flatten(), nn.Linear(c_in * side**2, 10)]
    return nn.Sequential(*layers)


def as_maps(x: Any) -> Any:
    """Images (n, 784) as (n, 1, 28, 28), the channels last in memory, which is quicker here."""
    import torch

    return x.reshape(-1, 1, 28, 28).contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    serve_trainings(prepare)

"""PyTorch's step at its quickest: float32 tensors in memory, no DataLoader, no .item(); foreach or fused optimizer."""

from __future__ import annotations

from typing import Any

from benchmarks.programs.worker import Steps, serve


def prepare(settings: dict[str, Any]) -> tuple[Steps, dict[str, Any]]:
    """The steps of an eager loop with `torch.optim`."""
    import torch
    from torch import nn

    from nn_core import RunConfig, load_mnist

    config = RunConfig.from_dict(settings["config"])
    torch.set_flush_denormal(True)  # Adam's fading moments would slow it down after a thousand steps
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(config.seed)
    data = load_mnist()
    images = torch.from_numpy(data.train_images.reshape(-1, 784).copy()).to(torch.float32).div_(255)
    labels = torch.from_numpy(data.train_labels.astype("int64"))
    model = mlp(config.hidden)
    optimizer = make_optimizer(model, config, settings["variant"])
    loss_of = nn.CrossEntropyLoss()
    n, size = len(images), config.batch_size
    position, order = n, torch.empty(0, dtype=torch.int64)

    def steps(count: int) -> None:
        nonlocal position, order
        for _ in range(count):
            if not size:
                x, y = images, labels
            else:
                if position >= n:
                    position, order = 0, torch.randperm(n)
                batch = order[position : position + size]
                position += size
                x, y = images.index_select(0, batch), labels.index_select(0, batch)
            optimizer.zero_grad(set_to_none=True)
            loss_of(model(x), y).backward()
            optimizer.step()

    return steps, {"version": f"PyTorch {torch.__version__}"}


def mlp(hidden: tuple[int, ...]) -> Any:
    """nn.Sequential of Linear and ReLU, 784 - hidden - 10."""
    from torch import nn

    layers: list[nn.Module] = []
    n_in = 784
    for n_out in hidden:
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        n_in = n_out
    return nn.Sequential(*layers, nn.Linear(n_in, 10))


def make_optimizer(model: Any, config: Any, variant: str) -> Any:
    """SGD or Adam; the variant is "foreach" or "fused"."""
    import torch

    how = {variant: True}
    if config.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), lr=config.lr, **how)
    return torch.optim.Adam(model.parameters(), lr=config.lr, betas=(config.beta1, config.beta2), **how)


if __name__ == "__main__":
    serve(prepare)

"""The same network in PyTorch, as its users write it: nn.Sequential, torch.optim, an eager loop."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.frameworks.framework import Net, Variant, framework
from nn_core.frameworks.inputs import Rates, labels_of, scaled
from nn_core.frameworks.plan import plan
from nn_core.frameworks.torch_names import from_torch, to_torch
from nn_core.machine.memory import Array

ACTIVATIONS = {
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "identity": "Identity",
}
HAVE_FUSED = ("sgd", "momentum", "nesterov", "adam", "adamw")
SCORED_AT_ONCE = 1_000


def step(model: Any, optimizer: Any, loss_of: Any, x: Any, y: Any) -> Any:
    """One update on a batch; its loss."""
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


class TorchNet(Net):
    """nn.Sequential on float32 tensors in memory, without a DataLoader."""

    def __init__(self, config: RunConfig, data: Dataset, weights: Mapping[str, Array] | None, variant: Variant) -> None:
        import torch

        torch.set_flush_denormal(True)  # Adam's fading moments would slow it down after a thousand steps
        torch.set_num_threads(variant.get("threads", 1))
        torch.manual_seed(config.seed)
        self._torch, self._config = torch, config
        last = variant.get("layout") == "channels_last"
        self._layout = torch.channels_last if last else torch.contiguous_format
        self._x = self._inputs(data.train_images[: config.n_train])
        self._y = torch.from_numpy(labels_of(data, config))
        self.model = network(config).to(memory_format=self._layout)
        if weights is not None:
            self.model.load_state_dict(
                {name: torch.from_numpy(values.copy()) for name, values in to_torch(weights, config).items()},
                strict=False,
            )
        self._optimizer = make_optimizer(self.model, config, variant.get("optimizer", "foreach"))
        self._loss_of = torch.nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        self._rates = Rates(config) if config.schedule != "constant" else None
        self._step = torch.compile(step) if variant.get("compile") else step

    @staticmethod
    def variants(config: RunConfig, cores: int) -> Sequence[Variant]:
        """Threads, forms of the optimizer, layouts of the maps; compiled where there is a compiler for it.

        With the channels last, batch normalization in float32 is some 1e-4 off float64 (PyTorch 2.13, this CPU).
        """
        forms = ["foreach", "fused"] if config.optimizer in HAVE_FUSED else ["foreach"]
        layouts = [{}, {"layout": "channels_last"}] if config.model == "cnn" else [{}]
        threads = sorted({1, cores})
        eager = [{"threads": n, "optimizer": form, **more} for more in layouts for n in threads for form in forms]
        compiled = {**eager[-1], "compile": True}
        return [*eager, compiled] if shutil.which("g++") or shutil.which("clang++") else eager

    def _inputs(self, images: Array) -> Any:
        x = self._torch.from_numpy(scaled(images, self._config))
        if self._config.model != "cnn":
            return x
        return x[:, None].contiguous(memory_format=self._layout)

    def _learn(self, batch: Any) -> Any:
        if self._rates is not None:
            rate = self._rates.next()
            for group in self._optimizer.param_groups:
                group["lr"] = rate
        x, y = self._x.index_select(0, batch), self._y.index_select(0, batch)
        return self._step(self.model, self._optimizer, self._loss_of, x, y)

    def train(self, n: int) -> None:
        """An epoch in the order of torch.randperm."""
        self.model.train()
        for batch in self._torch.randperm(n).split(self._config.effective_batch(n)):
            self._learn(batch)

    def follow(self, batches: Iterable[Array]) -> list[float]:
        """The same updates, one by one."""
        self.model.train()
        return [self._learn(self._torch.from_numpy(np.array(batch))).item() for batch in batches]

    def predict(self, images: Array) -> Array:
        """The largest of its outputs."""
        self.model.eval()
        with self._torch.inference_mode():
            parts = self._inputs(images).split(SCORED_AT_ONCE)
            answers: Array = self._torch.cat([self.model(part).argmax(1) for part in parts]).numpy()
        return answers

    def weights(self) -> dict[str, Array]:
        """Its state_dict by our names."""
        return from_torch({k: v.detach().numpy() for k, v in self.model.state_dict().items()}, self._config)


def network(config: RunConfig) -> Any:
    """nn.Sequential: dense layers, or blocks of convolution, pooling, normalization and activation before them."""
    from torch import nn

    def activation() -> Any:
        form = {"approximate": "tanh"} if config.activation == "gelu" else {}
        return getattr(nn, ACTIVATIONS[config.activation])(**form)

    def norm(n: int) -> Any:
        if config.normalization == "layer":
            return nn.LayerNorm(n)
        return nn.BatchNorm2d(n) if config.model == "cnn" else nn.BatchNorm1d(n)

    pool = nn.MaxPool2d if config.pooling == "max" else nn.AvgPool2d
    made: dict[str, Callable[[Any], list[Any]]] = {
        "conv": lambda part: [nn.Conv2d(part.n_in, part.n_out, config.kernel, padding=config.padding)],
        "pool": lambda part: [pool(config.pool)],
        "norm": lambda part: [norm(part.n_out)],
        "activation": lambda part: [activation()],
        "flatten": lambda part: [nn.Flatten()],
        "mean": lambda part: [nn.AdaptiveAvgPool2d(1), nn.Flatten()],
        "dropout": lambda part: [nn.Dropout(config.dropout)],
        "dense": lambda part: [nn.Linear(part.n_in, part.n_out)],
    }
    return nn.Sequential(*(layer for part in plan(config) for layer in made[part.kind](part)))


def make_optimizer(model: Any, config: RunConfig, form: str) -> Any:
    """The optimizer of the settings, its L2 penalty on weights alone; `form` is "foreach" or "fused"."""
    import torch

    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    decay = config.weight_decay if config.optimizer == "adamw" else config.l2
    groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    how: dict[str, Any] = {"lr": config.lr, form: True}
    optim = torch.optim
    betas = (config.beta1, config.beta2)
    made: dict[str, Callable[[], Any]] = {
        "sgd": lambda: optim.SGD(groups, **how),
        "momentum": lambda: optim.SGD(groups, momentum=config.momentum, **how),
        "nesterov": lambda: optim.SGD(groups, momentum=config.momentum, nesterov=True, **how),
        "adagrad": lambda: optim.Adagrad(groups, **how),
        "rmsprop": lambda: optim.RMSprop(groups, alpha=config.beta2, **how),
        "adam": lambda: optim.Adam(groups, betas=betas, **how),
        "adamw": lambda: optim.AdamW(groups, betas=betas, **how),
    }
    return made[config.optimizer]()


@framework(
    "torch",
    label="PyTorch",
    packages=("torch",),
    install="pip install torch --index-url https://download.pytorch.org/whl/cpu",
    distributions=("torch",),
    carries=(
        *("channels", "kernel", "padding", "pool", "pooling", "head", "dense_units", "momentum", "beta1", "beta2"),
        *("weight_decay", "schedule", "warmup", "decay_factor", "decay_every", "l2", "dropout", "label_smoothing"),
    ),
    choices={
        "loss": ["cross_entropy"],
        "activation": ACTIVATIONS,
        "normalization": ["none", "batch", "layer"],
        "optimizer": ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"],
    },
    code=step,
    order=1,
)
def torch_net() -> type[Net]:
    """Import PyTorch."""
    import torch  # noqa: F401

    return TorchNet

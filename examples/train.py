"""Train a small network on handwritten digits, without the app: `python examples/train.py` from the project's folder.

It takes a few seconds. Change a setting and run it again; `help(RunConfig)` and `python -m nn_core train --help` list
them all.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # find nn_core without installing it

from nn_core import RunConfig, Trainer, load_mnist

# 1. The settings. Everything that is not named here is at its default.
config = RunConfig(hidden=(32,), lr=0.2, batch_size=64, epochs=2)

# 2. The data: 55,000 images to learn from, 5,000 to check on while choosing, 10,000 for the final report.
data = load_mnist()

# 3. Train, one epoch at a time. Change lr, l2, dropout, momentum or batch_size whenever you like.
trainer = Trainer(config, data)
for epoch in range(config.epochs):
    trainer.train_epochs(1)
    scores = trainer.score()
    print(f"epoch {epoch + 1}: loss {scores.train_loss:.3f}, validation accuracy {scores.val_accuracy:.1%}")
    trainer.change("lr", trainer.config.lr / 2)

# 4. Ask the network: uint8 images (n, 28, 28) in, probabilities (n, 10) out.
probabilities = trainer.model.predict_proba(data.test_images)
correct = probabilities.argmax(axis=1) == data.test_labels
print(f"test accuracy {correct.mean():.1%} (n = {len(correct):,})")

# 5. Draw the image it is most wrongly sure of.
worst = (probabilities.max(axis=1) * ~correct).argmax()
for row in data.test_images[worst]:
    print("".join(" .:*#"[pixel // 52] * 2 for pixel in row).rstrip())
print(f"It reads this {data.test_labels[worst]} as a {probabilities[worst].argmax()}.")

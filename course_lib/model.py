"""A ResNet-18 for 32x32 images with four exits.

Three early exits follow the first three stages; the fourth is the network's own end. Knows nothing of
training, of data, or of what a forward pass costs.

References:
    [1] He et al. 2016, "Deep Residual Learning for Image Recognition", https://arxiv.org/abs/1512.03385
    [2] Teerapittayanon et al. 2016, "BranchyNet: Fast Inference via Early Exiting from Deep Neural Networks",
        https://arxiv.org/abs/1709.01686

Shape letters: N images, C classes, W width of the first stage.
"""

from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

IMAGE_SHAPE = (3, 32, 32)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions next to a shortcut: the residual block of [1].

    Maps `(N, in_channels, H, H)` to `(N, out_channels, H / stride, H / stride)`.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.residual(x) + self.shortcut(x))


class EarlyExitResNet18(nn.Module):
    """ResNet-18 with a 3x3 stem, no max-pooling, and an exit after each of its four stages.

    The parts are public, so that other ways of leaving can be built from them: `stem` takes the images, each
    of the four `stages` takes what came before it, and `heads[k]` turns the output of `stages[k]` into exit
    k's logits `(N, C)`.

    Args:
        num_classes: C, the number of classes.
        width: W, the channels of the first stage; the others have 2W, 4W and 8W.
    """

    def __init__(self, num_classes: int = 6, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )  # (N, W, 32, 32)
        self.stages = nn.ModuleList(
            [
                _stage(width, width, stride=1),  # (N, W, 32, 32)
                _stage(width, 2 * width, stride=2),  # (N, 2W, 16, 16)
                _stage(2 * width, 4 * width, stride=2),  # (N, 4W, 8, 8)
                _stage(4 * width, 8 * width, stride=2),  # (N, 8W, 4, 4)
            ]
        )
        self.heads = nn.ModuleList(
            [
                nn.Sequential(nn.Flatten(), nn.Linear(width * 32 * 32, num_classes)),
                nn.Sequential(nn.Flatten(), nn.Linear(2 * width * 16 * 16, num_classes)),
                nn.Sequential(nn.Flatten(), nn.Linear(4 * width * 8 * 8, num_classes)),
                nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, num_classes)),
            ]
        )

    def forward(
        self, x: Tensor, entropy_tolerance: float, early_exit: bool = True
    ) -> Tensor | tuple[Tensor, int, float]:
        """Classify a batch, which leaves as a whole at the first exit that is sure enough of it.

        An exit is sure enough when the entropy of its softmax, averaged over the batch, is strictly below the
        tolerance. The last exit answers whatever its entropy is.

        Args:
            x: Images, `(N, 3, 32, 32)`, float32.
            entropy_tolerance: In nats, from 0 (always runs to the end) to anything above ln C (always leaves
                at exit 0). Ignored without early exit.
            early_exit: False runs the plain network: every stage, and the last head only.

        Returns:
            Without early exit the last exit's logits `(N, C)`. With it `(logits, exit_index, entropy)`: the
            logits `(N, C)` of the exit taken, its index 0..3, and its batch-mean entropy in nats.

        Raises:
            ValueError: The images are not `(N, 3, 32, 32)`.
        """
        _check_images(x)
        x = self.stem(x)
        if not early_exit:
            for stage in self.stages:
                x = stage(x)
            return self.heads[-1](x)
        for index in range(len(self.stages)):
            x = self.stages[index](x)
            logits = self.heads[index](x)
            # Probabilities' cross entropy with themselves is their entropy; torch takes the mean over the batch.
            entropy = cross_entropy(logits, logits.softmax(dim=1)).item() + 0.0  # never -0.0
            if entropy < entropy_tolerance:
                break
        return logits, index, entropy  # of the last exit, where none was sure enough

    def early_train(self, x: Tensor) -> list[Tensor]:
        """Run the whole network and every head, as joint training needs.

        Args:
            x: Images, `(N, 3, 32, 32)`, float32.

        Returns:
            The logits `(N, C)` of the four exits, first exit first.

        Raises:
            ValueError: The images are not `(N, 3, 32, 32)`.
        """
        _check_images(x)
        x = self.stem(x)
        exit_outputs = []
        for stage, head in zip(self.stages, self.heads, strict=True):
            x = stage(x)
            exit_outputs.append(head(x))
        return exit_outputs


def _stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        BasicBlock(in_channels, out_channels, stride),
        BasicBlock(out_channels, out_channels, stride=1),
    )


def _check_images(x: Tensor) -> None:
    if x.ndim != 4 or tuple(x.shape[1:]) != IMAGE_SHAPE:
        raise ValueError(
            f"The model takes images of shape (N, 3, 32, 32), but got {tuple(x.shape)}. "
            "A grey image has to be repeated over the three channels, and a single one needs a batch axis."
        )

"""Models: modules whose parameters a trainer changes."""

import torch
from torch import Tensor, nn

from groundup._checks import check_count, check_generator


class LinearRegression(nn.Module):
    """A linear model of one target: `X @ weights + bias`.

    Args:
        num_features: number of columns of `X`, at least 1.
        generator: source of the first weights; None means torch's default generator.

    Attributes:
        weights: shape `(num_features, 1)`, standard normal at the start.
        bias: shape `(1,)`, zero at the start.

    Raises:
        TypeError: if `num_features` is not an integer or `generator` not a generator.
        ValueError: if `num_features` is not positive.

    Example:
        >>> model = LinearRegression(6, torch.Generator().manual_seed(0))
        >>> model(torch.zeros(4, 6)).shape
        torch.Size([4, 1])
    """

    def __init__(self, num_features: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        check_count("num_features", num_features, minimum=1)
        check_generator(generator)
        self.weights = nn.Parameter(torch.randn(num_features, 1, generator=generator))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, X: Tensor) -> Tensor:
        """Return predictions, shape `(n, 1)`, for features of shape `(n, num_features)`."""
        return X @ self.weights + self.bias

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        return f"num_features={len(self.weights)}"


class LogisticRegression(LinearRegression):
    """A linear model of two classes: it gives the logit of class 1.

    The sigmoid of `X @ weights + bias` is the probability. It is left out, since
    `binary_cross_entropy_with_logits` takes its logarithm in one step.

    Args:
        num_features: number of columns of `X`, at least 1.
        generator: source of the first weights; None means torch's default generator.

    Attributes:
        weights: shape `(num_features, 1)`, standard normal at the start.
        bias: shape `(1,)`, zero at the start.

    Raises:
        TypeError: if `num_features` is not an integer or `generator` not a generator.
        ValueError: if `num_features` is not positive.

    Example:
        >>> model = LogisticRegression(4, torch.Generator().manual_seed(0))
        >>> logits = model(torch.zeros(2, 4))
        >>> torch.sigmoid(logits)
        tensor([[0.5000],
                [0.5000]], grad_fn=<SigmoidBackward0>)
    """


class MLP(nn.Module):
    """A multilayer perceptron with one hidden layer of tanh units and one output.

    Its first values have the distribution of `torch.nn.Linear`'s, uniform between ±1 / √n,
    n the layer's number of inputs, but are drawn from the generator alone:
    `torch.nn.Linear` can't be given one.

    Args:
        num_features: number of columns of `X`, at least 1.
        hidden: number of hidden units, at least 1.
        generator: source of the first values; None means torch's default generator.

    Attributes:
        hidden_weights: shape `(num_features, hidden)`.
        hidden_bias: shape `(hidden,)`.
        weights: shape `(hidden, 1)`.
        bias: shape `(1,)`.

    Raises:
        TypeError: if a count is not an integer or `generator` not a generator.
        ValueError: if a count is not positive.

    Example:
        >>> model = MLP(2, hidden=8, generator=torch.Generator().manual_seed(0))
        >>> model(torch.zeros(4, 2)).shape
        torch.Size([4, 1])
    """

    def __init__(
        self, num_features: int, hidden: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_count("num_features", num_features, minimum=1)
        check_count("hidden", hidden, minimum=1)
        check_generator(generator)

        def uniform(*shape: int, inputs: int) -> nn.Parameter:
            bound = inputs**-0.5
            return nn.Parameter(
                torch.empty(shape).uniform_(-bound, bound, generator=generator)
            )

        self.hidden_weights = uniform(num_features, hidden, inputs=num_features)
        self.hidden_bias = uniform(hidden, inputs=num_features)
        self.weights = uniform(hidden, 1, inputs=hidden)
        self.bias = uniform(1, inputs=hidden)

    def forward(self, X: Tensor) -> Tensor:
        """Return predictions, shape `(n, 1)`, for features of shape `(n, num_features)`."""
        return (
            torch.tanh(X @ self.hidden_weights + self.hidden_bias) @ self.weights
            + self.bias
        )

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        num_features, hidden = self.hidden_weights.shape
        return f"num_features={num_features}, hidden={hidden}"

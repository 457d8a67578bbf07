"""Models: modules whose parameters a trainer changes."""

import torch
from torch import Tensor, nn

from groundup._checks import check_count, check_generator, check_share, describe


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


class Linear(nn.Module):
    """A layer of any number of outputs: `x @ weight + bias`.

    Its first values have the distribution of `torch.nn.Linear`'s, uniform between ±1 / √n,
    n the number of inputs, but are drawn from the generator, the weight before the bias.
    The weight lies as `LinearRegression`'s does, a column an output: that of
    `torch.nn.Linear` is its transpose, also where a square one loads without a word and
    where `torch.nn.init` counts what goes in and out.

    Args:
        inputs: numbers of a sample that come in, at least 1.
        outputs: numbers of a sample that go out, at least 1.
        generator: source of the first values; None means torch's default generator.

    Attributes:
        weight: shape `(inputs, outputs)`.
        bias: shape `(outputs,)`.

    Raises:
        TypeError: if a count is not an integer or `generator` not a generator.
        ValueError: if a count is not positive.

    Example:
        >>> layer = Linear(64, 10, torch.Generator().manual_seed(0))
        >>> layer(torch.zeros(4, 64)).shape
        torch.Size([4, 10])
    """

    def __init__(
        self, inputs: int, outputs: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_count("inputs", inputs, minimum=1)
        check_count("outputs", outputs, minimum=1)
        check_generator(generator)
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        for p in self.parameters():
            nn.init.uniform_(p, -bound, bound, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs, shape `(…, outputs)`, for inputs of shape `(…, inputs)`."""
        return x @ self.weight + self.bias

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        inputs, outputs = self.weight.shape
        return f"inputs={inputs}, outputs={outputs}"


class Dropout(nn.Module):
    """A layer that sets each number to 0 with probability p while it trains.

    Those that stay are divided by 1 − p, so that the expected value is the number itself.
    In `eval` all pass as they are. From the same random state it gives on the CPU what
    `torch.nn.Dropout` gives, bit for bit.

    A generator that is given is a part of the module: its state is in `state_dict()`, and a
    copy of the module has a copy. What to drop is drawn on the generator's device and taken
    to that of the numbers: a module that is moved goes on as it would have. Layers may
    share a generator and draw from it in turn; whatever else draws from it is set back,
    too, when a state is loaded. Without one the module has no random state of its own, and
    `state_dict()` holds an empty tensor in its place.

    `torch.utils.checkpoint` runs a layer twice and sets back torch's default generator
    alone: from another one the gradients are wrong there.

    Args:
        p: the probability that a number is set to 0, in [0, 1).
        generator: source of the choice; None means torch's default generator.

    Raises:
        TypeError: if `p` is not a number or `generator` not a generator.
        ValueError: if `p` is out of its range, or a state that is loaded is not one of such
            a generator.

    Example:
        >>> dropout = Dropout(0.5, torch.Generator().manual_seed(0))
        >>> dropout(torch.ones(8))
        tensor([0., 0., 2., 0., 0., 0., 2., 2.])
        >>> dropout.eval()(torch.ones(8))
        tensor([1., 1., 1., 1., 1., 1., 1., 1.])
    """

    def __init__(self, p: float, generator: torch.Generator | None = None) -> None:
        super().__init__()
        check_share("p", p)
        check_generator(generator)
        self.p = float(p)
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Return numbers of the shape of `x`: in training some are 0, the others larger."""
        if not self.training or self.p == 0:
            return x
        device = x.device if self.generator is None else self.generator.device
        kept = torch.empty_like(x, device=device)
        kept.bernoulli_(1 - self.p, generator=self.generator)
        return x * kept.div_(1 - self.p).to(x.device)

    def get_extra_state(self) -> Tensor:
        """Return what `state_dict` holds beside parameters: the generator's state."""
        if self.generator is None:
            return torch.empty(0, dtype=torch.uint8)
        return self.generator.get_state()

    def set_extra_state(self, state: Tensor) -> None:
        """Take it from a `state_dict`; refuse that of no generator, or of another kind."""
        expected = len(self.get_extra_state())
        got = describe(state)
        if isinstance(state, Tensor) and state.dtype == torch.uint8 and state.dim() == 1:
            got = str(len(state))
        if got != str(expected):
            raise ValueError(
                f"dropout's random state must have {expected} bytes, got {got}: "
                "was it saved with another kind of generator, or with none?"
            )
        if self.generator is not None:
            self.generator.set_state(state.cpu())

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        return f"p={self.p}"

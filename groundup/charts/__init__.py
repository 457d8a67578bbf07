"""Results in, charts out: one look for the whole series.

A chart is a `Content`: rows, parameters, a title and a description, put into a
specification that is made once, since Altair takes some 100 ms to build and check one, more
than a live cell may spend. `charts.losses(result)` is what a cell shows at once, in marimo
as in Jupyter; `charts.losses(result).to_altair()` is an Altair chart, to be changed and
saved.
"""

from groundup._extras import extra

with extra("notebooks"):
    from groundup.charts.blocks import Content, times
    from groundup.charts.callbacks import digits, mistakes_explorer, restored
    from groundup.charts.linear_regression import (
        Problem,
        fit,
        learning_rate_explorer,
        pace,
        sweep_losses,
    )
    from groundup.charts.loop import struck_loop
    from groundup.charts.mini_batches import (
        batch_order,
        batch_size_explorer,
        gradient_noise,
        growth,
    )
    from groundup.charts.optimizers import bowl_explorer, courses, scheduled
    from groundup.charts.quiz import Bug, guilty_line
    from groundup.charts.runs import diverged_at, losses, training, trajectories
    from groundup.charts.trainer import (
        decision_boundary,
        memorising_explorer,
        promises,
        ratios,
    )

__all__ = [
    "Bug",
    "Content",
    "Problem",
    "batch_order",
    "batch_size_explorer",
    "bowl_explorer",
    "courses",
    "decision_boundary",
    "digits",
    "diverged_at",
    "fit",
    "gradient_noise",
    "growth",
    "guilty_line",
    "learning_rate_explorer",
    "losses",
    "memorising_explorer",
    "mistakes_explorer",
    "pace",
    "promises",
    "ratios",
    "restored",
    "scheduled",
    "struck_loop",
    "sweep_losses",
    "times",
    "training",
    "trajectories",
]

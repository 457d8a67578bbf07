"""Results in, Altair charts out: one look for the whole series.

Altair takes some 100 ms to build and check a chart, more than a live cell may spend on one.
So a chart here is a `Drawing`: a specification that is made once, and the rows, title and
description that a result puts into it. `charts.losses(result)` gives an Altair chart,
`charts.losses.show(result)` the same picture in a millisecond, as the output of a cell that
a slider runs again and again.
"""

from groundup._extras import extra

with extra("notebooks"):
    from groundup.charts.batch_explorer import batch_size_explorer
    from groundup.charts.batches import batch_order, gradient_noise, growth
    from groundup.charts.costs import ratios, times
    from groundup.charts.drawing import Content, Drawing
    from groundup.charts.explorer import Problem, learning_rate_explorer
    from groundup.charts.fits import fit
    from groundup.charts.learning import decision_boundary, learning_curves, promises
    from groundup.charts.runs import diverged_at, losses, pace, training, trajectories
    from groundup.charts.sweeps import sweep_losses

__all__ = [
    "Content",
    "Drawing",
    "Problem",
    "batch_order",
    "batch_size_explorer",
    "decision_boundary",
    "diverged_at",
    "fit",
    "gradient_noise",
    "growth",
    "learning_curves",
    "learning_rate_explorer",
    "losses",
    "pace",
    "promises",
    "ratios",
    "sweep_losses",
    "times",
    "training",
    "trajectories",
]

"""Results in, Altair charts out: one look for the whole series.

Altair takes some 100 ms to build and check a chart, more than a live cell may spend on one. So a chart here is a
`Drawing`: a specification that is made once, and the rows, title and description that a result puts into it.
`charts.losses(result)` gives an Altair chart, `charts.losses.show(result)` the same picture in a millisecond, as the
output of a cell that a slider runs again and again.
"""

from groundup.charts.drawing import Content, Drawing
from groundup.charts.explorer import Problem, learning_rate_explorer
from groundup.charts.fits import fit
from groundup.charts.runs import diverged_at, losses, pace, training, trajectories
from groundup.charts.sweeps import sweep_losses

__all__ = [
    "Content",
    "Drawing",
    "Problem",
    "diverged_at",
    "fit",
    "learning_rate_explorer",
    "losses",
    "pace",
    "sweep_losses",
    "training",
    "trajectories",
]

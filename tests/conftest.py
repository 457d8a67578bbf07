"""How Hypothesis searches: few examples, the same ones at each run, so that a failure repeats."""

from hypothesis import settings

settings.register_profile("groundup", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("groundup")

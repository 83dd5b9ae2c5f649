"""A model as a user may write one, from which tests derive others that misbehave."""

import numpy as np

from forecasting.models.base import Settings, State


class Median:
    """The median of the last four weeks."""

    family = "mine"
    version = 1
    libraries = ()
    seeded = False
    seconds_per_fit = 0.001
    settings_type = Settings

    def __init__(self, settings):
        self.settings = settings

    def fit(self, task):
        return State({"level": np.array([np.median(task.history.y[-28:])])})

    def predict(self, state, history, ds):
        return np.full(len(ds), state.arrays["level"][0])

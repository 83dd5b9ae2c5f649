"""What would be if: a scenario from its file to a forecast beside the run's own, without training.

Takes a run directory and a scenario; gives an `Outcome` for the screen, JSON, frames and scenario.csv.
"""

"""Why a forecast is as it is: the explanation of a stored run, or of what follows newer data.

Takes a run directory and maybe newer data; gives an `Explained` for the screen, JSON and frames.
"""

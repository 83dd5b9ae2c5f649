"""One command that checks and measures the LSTM engine on a machine with a GPU; see `__main__`."""

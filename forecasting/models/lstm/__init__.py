"""LSTM members: many tiny networks trained as one program.

Reading order: `philox` (random streams) → `network` (parameters) → `data` (samples, settings, results) → `engine` (the
one entry: `train`) → `direct` and `classic` (the models). Backends: `torch_backend` (reference; CPU and GPU) and
`numba_backend` (the fast CPU path). Only the backends import torch and numba.
"""

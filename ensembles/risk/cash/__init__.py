"""The cash position: amounts to come and the balance they leave, with bands, and what is held against a limit.

Takes out-of-fold and coming forecasts of the blend; gives joint draws of all series, from which every sum has its band;
the position of each account and of all together; and how often past bands and buffers held.
"""

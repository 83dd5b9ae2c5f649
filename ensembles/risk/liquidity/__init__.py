"""How much more may go out than comes in, day by day and over the horizon.

Takes out-of-fold and coming forecasts of the blend; gives the distribution of the net outflow, the cash that covers
it, and how often that cash fell short on windows that the procedure had not seen.
"""

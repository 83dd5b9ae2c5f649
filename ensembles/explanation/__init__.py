"""Why a day is forecast as it is: each day as an exact sum of what the calendar does and what learned members add.

Takes forecasts, histories and the blends' factors; gives an `Explanation`. No fitted states are needed.
"""

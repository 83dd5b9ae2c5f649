"""What a treasurer reads of a forecast beyond its series: what is planned in it, and totals of groups and units.

Takes stored forecasts, the plan and the hierarchy of entities. Gives sentences and sums; it fits nothing.
"""

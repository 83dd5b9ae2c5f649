"""What several models are made of: calendar effects, levels, ratios to a level.

Takes histories; gives arrays.
"""

"""Charts: what they show, and two ways to draw them.

Takes arrays; gives scripts for a page, or image files.
"""

"""Who trains which batch, and what happens when one is lost.

Takes batches; gives reports of those that are on disk and those that were given up. Only `ray_pool` knows Ray.
"""

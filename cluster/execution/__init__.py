"""Who trains which batch, and what happens when one is lost.

Takes batches; gives reports of those that are on disk and those that were given up. `executors` holds one module for
each value of `--executor`; the loop serves those that have a pool of workers. Only `ray_pool` imports ray.
"""

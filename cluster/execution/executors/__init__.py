"""One module for each value of `--executor`, found because it is here.

Takes a configuration, then batches; gives a device, then reports. A module defines one object that fits
`base.Executor`, and imports what it runs on when it is connected.
"""

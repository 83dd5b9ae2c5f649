"""What the data show before any model: facts, each a sentence with its numbers and at most one picture.

Takes opened data (`Material`); gives an `Exploration`, which becomes a page, JSON or lines on the screen. README.md
here lists the numbers of every fact. A subject is a module of `subjects/` with a `Subject`, found because it is there.
"""

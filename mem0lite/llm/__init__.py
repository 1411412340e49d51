"""Language models: how one is asked, what it is asked, and how its answers are checked against what was said.

Nothing here knows a store. ``client`` is the only module that sends anything, and only where it is told to.
"""

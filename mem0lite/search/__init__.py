"""Finding memories: everything between a question and a ranked list, without a database. Pure.

``ranking`` holds the weights, ``query`` reads a question, ``view`` is what a store hands over, ``scoring`` ranks it
with ``bm25``, ``conversation`` and ``moments``. ``text`` turns texts to keyword terms with ``languages`` and
``identifiers``; ``dates`` reads the dates in a question. ``similarity`` tells copies from facts that look alike.
"""

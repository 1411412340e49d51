"""Text to vectors, and rerankers: models that run on this machine.

``protocol`` says what an embedder is, and how a store normalises and packs its vectors. ``local`` is LocalEmbedder.
Its models come from one of four places: ``bundled`` (with the package), ``multilingual`` (with an extra), ``folder`` or
``named`` (known to fastembed by name). ``fused`` runs the bundled one, ``multilingual`` its own, and ``runtime`` all
others, ``shared`` loads each once per process, ``batches`` lets threads share its calls, ``windows`` splits long texts.
``prompts`` and ``reading`` hold what is known about families of models and their vocabularies. ``rerank`` is for
cross-encoders.
"""

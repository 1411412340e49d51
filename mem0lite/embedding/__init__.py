"""Texts to vectors, and second opinions on a ranking: models that run on this machine."""

"""Entities and relations of English sentences: ``rules`` is the extractor, the other modules are its grammar.

In this order: ``tokens`` (words and sentences), ``lexicon`` (what words are), ``places`` and ``verbs``, ``proper`` and
``tagging`` (parts of speech), ``parts`` (phrases), ``clauses``, ``relations``, and ``finding``, which puts them
together.
"""

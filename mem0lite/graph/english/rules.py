"""The extractor that a store has by itself."""

from ..extractor import Extraction


class RuleExtractor:
    """Finds what English sentences name and plainly state, by rules.

    Entities are proper names, commands and code in backticks, paths, addresses, versions, ``#tags``, quoted terms and
    the ends of relations. Noun phrases that are no more than that have the type ``phrase``: they link memories that
    speak of the same thing, and are not shown.
    """

    def extract(self, text: str) -> Extraction:
        """Return the entities in the order of the text, and the relations."""
        from .finding import find  # with a lexicon and a grammar, which only graph categories need

        return find(text)

"""The default extractor."""

from ..extractor import Extraction


class RuleExtractor:
    """Finds what English sentences name and plainly state, with rules instead of a model.

    Entities are proper names, commands and code in backticks, paths, addresses, versions, ``#tags``, quoted terms and
    the ends of relations. Other noun phrases have the type ``phrase``: they link memories that mention the same
    thing, and are not shown.
    """

    def extract(self, text: str) -> Extraction:
        """Return the entities in the order of the text, and the relations."""
        from .finding import find  # it loads a lexicon and a grammar, which only graph categories need

        return find(text)

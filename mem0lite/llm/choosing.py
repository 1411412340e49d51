"""Which language model was chosen: an object, or the URL of an endpoint with the name of a model and a key."""

from ..errors import ConfigurationError
from ..values import shown
from .protocol import LanguageModel


def choose(
    given: LanguageModel | str | None, model: str | None = None, api_key: str | None = None
) -> LanguageModel | None:
    """Return the language model that the arguments ``llm``, ``llm_model`` and ``llm_api_key`` describe; None for none.

    Nothing is sent. Raises ConfigurationError, which names the argument and shows no key.
    """
    if isinstance(given, str) and given.strip():
        if model is None:
            raise ConfigurationError(
                "llm_model: name the model, such as 'llama3.2'. A server that has only one takes any name."
            )
        from .client import ChatCompletions

        return ChatCompletions(given, model, api_key)
    for name, value in (("llm_model", model), ("llm_api_key", api_key)):
        if value is not None:
            raise ConfigurationError(f"{name}: goes with the URL of a language model, and there is none. Give it, too.")
    if given is None or isinstance(given, LanguageModel):
        return given
    raise ConfigurationError(
        f"llm: must be a URL or an object with a method complete(messages, schema), got {shown(given)}."
    )

"""Errors in words: of the SDK, in one line; and the error of what cannot be used at all."""


class MisconfiguredError(Exception):
    """The configuration file, the profile or its key cannot be used."""


def short(error: BaseException) -> str:
    """Give the words of an error in one line, without the SDK's advice."""
    text = " ".join(str(error).split()).split(" Request Endpoint:", 1)[0]
    return text[:300] or type(error).__name__

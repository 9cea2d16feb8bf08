"""The URL patterns of the project, for the checks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from django.conf import settings
from django.urls import LocalePrefixPattern, URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Place:
    """A pattern in the tree of the project's URLs."""

    pattern: URLPattern
    paths: tuple[str, ...]
    """From "/", with converters and regular expressions as they are written. Translated URLs have
    one path for each language."""
    in_namespace: bool
    """Whether its name is only found with that of a namespace."""
    is_translated: bool
    """Whether it is in `i18n_patterns`."""


def every() -> Iterable[Place]:
    """All patterns."""
    return chain.from_iterable(lists())


def lists() -> Iterator[list[Place]]:
    """All patterns, each list of them apart; an included list comes before the one around it."""
    return _lists(get_resolver().url_patterns, ("/",), in_namespace=False, is_translated=False)


def view_name(callback: Any) -> str:
    """Return the dotted name of a pattern's view."""
    view: Any = view_class(callback) or callback
    while isinstance(view, partial):
        view = view.func
    name = getattr(view, "__qualname__", type(view).__qualname__)
    # REST framework gives the class that it makes of a function its name, and not its `qualname`.
    return f"{view.__module__}.{view.__name__ if name == 'WrappedAPIView' else name}"


def view_class(callback: Any) -> type | None:
    """Return the class of a view that was made by Django's or REST framework's `as_view`."""
    found = getattr(callback, "view_class", None) or getattr(callback, "cls", None)
    return found if isinstance(found, type) else None


def authentication_classes(callback: Any) -> list[Any] | None:
    """Return the classes that authenticate for a view of REST framework.

    None for other views, and for a view that chooses them by a property.
    """
    given = getattr(callback, "initkwargs", None) or {}
    of_class = getattr(view_class(callback), "authentication_classes", None)
    found = given.get("authentication_classes", of_class)
    return list(found) if isinstance(found, Iterable) else None


def _lists(
    patterns: Sequence[URLPattern | URLResolver],
    prefixes: tuple[str, ...],
    *,
    in_namespace: bool,
    is_translated: bool,
) -> Iterator[list[Place]]:
    places = []
    for pattern in patterns:
        ends = _texts(pattern)
        paths = tuple(start + end for start in prefixes for end in ends)
        if isinstance(pattern, URLPattern):
            places.append(Place(pattern, paths, in_namespace, is_translated))
        else:
            yield from _lists(
                pattern.url_patterns,
                paths,
                in_namespace=in_namespace or pattern.namespace is not None,
                is_translated=is_translated or isinstance(pattern.pattern, LocalePrefixPattern),
            )
    yield places


def _texts(pattern: URLPattern | URLResolver) -> list[str]:
    """Return the part of a path from a pattern; `i18n_patterns` give one for each language."""
    found = pattern.pattern
    if not isinstance(found, LocalePrefixPattern):
        return [str(found).removeprefix("^").removeprefix("/")]
    codes = [code for code, _ in settings.LANGUAGES]
    is_bare = not found.prefix_default_language
    return ["" if is_bare and code == settings.LANGUAGE_CODE else f"{code}/" for code in codes]

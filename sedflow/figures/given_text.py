"""Names that others gave, in matplotlib's texts: a dollar sign in them begins no formula."""

__all__ = ["as_given"]


def as_given(text: str) -> str:
    r"""A text for matplotlib, in which what could be a formula is shown as it was written.

    >>> print(as_given("costs 5 $ or $x^$"))
    costs 5 \$ or \$x^\$
    """
    return text.replace("$", r"\$")

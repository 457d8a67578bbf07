"""Where the site will stand."""

from urllib.parse import urlsplit

DEFAULT = "https://from-the-ground-up.example/"


def checked(address: str) -> str:
    """Return the address with a slash at its end; the default one for an empty text.

    Raises:
        ValueError: if it is no address of a web site.
    """
    address = address or DEFAULT
    parts = urlsplit(address)
    if (
        parts.scheme not in ("http", "https")
        or not parts.netloc
        or parts.query
        or parts.fragment
    ):
        raise ValueError(
            f"site_url must be an address such as https://me.example/blog/, got {address!r}"
        )
    return address.rstrip("/") + "/"

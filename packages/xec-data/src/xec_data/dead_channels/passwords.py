"""Passwords in the URLs of databases, which neither messages nor files of a run may show."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

_NAMES = ("password", "passwd", "pwd", "passphrase", "sslpassword")
_BEFORE_HOST = re.compile(r"[^/]+://[^/@]*:[^/]*@")


def is_password(option: str) -> bool:
    """Tell whether an option of a URL is a password; drivers take them there, too."""
    return option.lower() in _NAMES


def has_password(url: str) -> bool:
    """Tell whether a text is a URL with a password, before the host or among the options."""
    if "://" not in url:
        return False
    options = parse_qsl(url.partition("?")[2].partition("#")[0])
    return _BEFORE_HOST.match(url) is not None or any(is_password(name) for name, _ in options)

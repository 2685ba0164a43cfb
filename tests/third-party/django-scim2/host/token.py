"""Lets a request with the right bearer token in."""

import os
from hmac import compare_digest
from types import SimpleNamespace


def middleware(get_response):
    expected = f"Bearer {os.environ['TOKEN']}".encode()

    def respond(request):
        given = request.headers.get("Authorization", "").encode()
        known = compare_digest(given, expected)
        request.user = SimpleNamespace(is_authenticated=known, is_anonymous=not known)
        return get_response(request)

    return respond

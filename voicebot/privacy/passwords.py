"""Passwords: argon2id (RFC 9106) with the library's recommended parameters, computed in threads.

One hash takes tens of milliseconds and 64 MiB: never on the loop, and only a few at once.
"""

from __future__ import annotations

import asyncio
import functools
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2
LEAST_CHARACTERS = 10
MOST_CHARACTERS = 256


def weakness(password: str, login: str) -> str:
    """Say in a few words why a new password will not do, '' when it will."""
    if len(password) < LEAST_CHARACTERS:
        return f"is shorter than {LEAST_CHARACTERS} characters"
    if len(password) > MOST_CHARACTERS:
        return f"is longer than {MOST_CHARACTERS} characters"
    if login.lower() in password.lower() and len(password) < len(login) + LEAST_CHARACTERS:
        return "is little more than the name"
    if len(set(password)) < 5:
        return "repeats a few characters"
    return ""


class Passwords:
    """Hashes and compares. Never logs; takes as long for an account that does not exist."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """Return what is stored."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, stored: str, password: str) -> bool:
        """Compare with a stored hash; `stored` '' is an account that cannot log in."""
        async with self._turns:
            return await asyncio.to_thread(self._compare, stored, password)

    def _compare(self, stored: str, password: str) -> bool:
        if len(password) > MOST_CHARACTERS:
            return False
        try:
            return self._hasher.verify(stored or self._nobody, password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False

    @functools.cached_property
    def _nobody(self) -> str:
        """Return a hash that no password fits, made with the same work."""
        return self._hasher.hash(secrets.token_urlsafe(32))

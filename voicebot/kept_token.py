"""Tokens that are made at the first start and kept, so that nothing is open without one."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def kept_token(file: Path) -> str:
    """Return the token of a file, which is made, readable for us only, where there is none."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(24) + "\n")
    return file.read_text(encoding="ascii").strip()

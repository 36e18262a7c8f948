"""Who may come in: what an island's secret signs, and how that is checked before it is read.

Of the secret a key is made for the island of that name; of this one for each purpose, by the root
of its republic, which every republic that is founded upon its remains has in common. Keys never
show in a `repr`. Without a secret nothing is signed.
"""

from __future__ import annotations

import hmac
import os
from functools import cached_property
from hashlib import blake2b
from typing import Any

from paxos_ray.actors.errors import InvalidArgument, SecretNeeded, WrongSecret

VARIABLE = "PAXOS_RAY_SECRET"
"""The environment variable that holds the secret for who passes none."""

LEAST_BYTES = 16
"""Of a secret."""

MARK = b"\xa8"
"""What is signed begins with this, then the signature."""

_SIGNATURE = 16
_HEAD = 1 + _SIGNATURE
_KEY = 32

_WHAT_TO_DO = f"pass secret= to launch, attach or recover, or set {VARIABLE}"


class Authority:
    """What one has who knows an island's secret; `key` is None for an island without.

    It travels with handles, in the clear. `root` is that of the island's republics; "" before it
    is known, when it only serves to ask for that. It has no public fields: to be asked is what it
    can sign and check.
    """

    def __init__(self, key: bytes | None = None, root: str = "") -> None:
        self._key = key
        self._root = root
        self._begun: dict[str, Any] = {}  # by purpose, keyed: copied for each message

    def __repr__(self) -> str:
        return f"Authority({'none' if self._key is None else 'hidden'})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Authority, (self._key, self._root)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Authority):
            return NotImplemented
        same = hmac.compare_digest(self._key or b"", other._key or b"")
        return same and self._root == other._root

    def __hash__(self) -> int:
        return hash((self._key, self._root))

    @property
    def rootless(self) -> bool:
        """Whether it is yet to be told the island's republic."""
        return self._key is not None and not self._root

    def under(self, republic: str) -> Authority:
        """The same for an island whose republic that is, or was founded upon it; "": for none."""
        return self if self._key is None else Authority(self._key, root_of(republic))

    @cached_property
    def introductory(self) -> Authority:
        """That of who does not know the republic."""
        return self.under("")

    def sign(self, purpose: str, *pieces: bytes) -> bytes:
        """These bytes, joined and signed for that purpose, if there is a secret."""
        if self._key is None:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return b"".join((MARK, self._signature(purpose, pieces), *pieces))

    def verify(self, purpose: str, signed: object) -> bytes | memoryview:
        """What was signed for that purpose. Raises `SecretNeeded`, `WrongSecret`,
        `InvalidArgument`; what is in it has not been looked at then."""
        if not isinstance(signed, bytes):
            if self._key is not None:
                raise SecretNeeded(f"this island has a secret: {_WHAT_TO_DO}")
            raise InvalidArgument("a call of an island's actor is sealed bytes")
        marked = signed[:1] == MARK
        if self._key is None:
            if marked:
                raise WrongSecret(
                    f"this island was launched without a secret: pass none, and unset {VARIABLE}; "
                    "or launch it with one"
                )
            return signed
        if not marked or len(signed) < _HEAD:
            raise SecretNeeded(f"this island has a secret: {_WHAT_TO_DO}")
        body = memoryview(signed)[_HEAD:]
        if not hmac.compare_digest(signed[1:_HEAD], self._signature(purpose, (body,))):
            raise WrongSecret(
                "this island has another secret, or it is not the island of that name which this "
                f"handle is of: {_WHAT_TO_DO}"
            )
        return body

    def _signature(self, purpose: str, pieces: tuple[bytes | memoryview, ...]) -> bytes:
        begun = self._begun.get(purpose)
        if begun is None:
            assert self._key is not None
            about = f"{self._root}\0{purpose}".encode()
            key = blake2b(about, key=self._key, digest_size=_KEY, person=b"paxos_ray part").digest()
            begun = blake2b(key=key, digest_size=_SIGNATURE, person=b"paxos_ray sign")
            self._begun[purpose] = begun
        made = begun.copy()
        for piece in pieces:
            made.update(piece)
        digest: bytes = made.digest()
        return digest


def root_of(republic: str) -> str:
    """What a republic has in common with all that are founded upon its remains."""
    return republic.partition("+")[0]


OPEN = Authority()
"""That of islands without a secret."""


def authority_of(island: str, secret: str | bytes | None) -> Authority:
    """What that secret, or else the one in the environment, gives for an island of that name.

    Raises `InvalidArgument`, which does not show it."""
    said = os.environ.get(VARIABLE) or None if secret is None else secret
    if said is None:
        return OPEN
    if not isinstance(said, str | bytes):
        raise InvalidArgument(f"a secret is bytes or a text, not a {type(said).__name__}")
    known = said.encode() if isinstance(said, str) else said
    if len(known) < LEAST_BYTES:
        raise InvalidArgument(f"a secret has at least {LEAST_BYTES} bytes, not {len(known)}")
    whole = blake2b(known, digest_size=64, person=b"paxos_ray secret").digest()
    named = blake2b(island.encode(), key=whole, digest_size=_KEY, person=b"paxos_ray island")
    return Authority(named.digest())

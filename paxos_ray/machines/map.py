"""The replicated map: ordered text keys, versions, expiry in log time, transactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sortedcontainers import SortedList

from paxos_ray.core.promise import Promise
from paxos_ray.machines.compares import Entry, check_compare, holds
from paxos_ray.machines.context import Context
from paxos_ray.machines.errors import InvalidArguments, WrongValue
from paxos_ray.machines.standard import (
    BySession,
    Deadlines,
    Standard,
    change,
    natural,
    query,
    session_of,
)
from paxos_ray.machines.values import (
    DEPTH,
    FLAG,
    INTEGER,
    NATURAL,
    PLAIN,
    POSITIVE,
    TEXT,
    Kind,
    is_plain,
    maybe,
    same,
)

_LISTED = Kind("a list or a tuple", lambda value: type(value) in (list, tuple))


class Map(Standard):
    """Values by text keys, which are ordered by their code points.

    The map has a *revision*, at first 0: each call that changes anything raises it by 1, and so
    does what expires together. A key's *version* is the revision of its last change, so no two
    states of a key ever share one, though it be deleted in between; a key that is absent has
    version 0. `ttl_ms` is a time to live in ms of log time, None: no end. Values are equal only if
    their types are: `True` is not `1`.

    Events, under the key: `("put", value, version)`, `("deleted", version)`,
    `("expired", version)`, and `("ended", version)` for what went with its session.
    """

    __slots__ = ("_due", "_entries", "_keys", "_news", "_owned", "_revision", "_undo")

    kind = "map"

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._keys: SortedList = SortedList()
        self._due = Deadlines()
        self._owned = BySession()
        self._revision = 0
        self._news: list[tuple[str, tuple[Any, ...]]] = []  # of the present call
        self._undo: list[tuple[str, Entry | None]] | None = None  # in a transaction only

    # -- changes -------------------------------------------------------------------------

    @change(key=TEXT, value=PLAIN, ttl_ms=maybe(POSITIVE), ephemeral=FLAG)
    def put(
        self,
        context: Context,
        key: str,
        value: Any,
        ttl_ms: int | None = None,
        ephemeral: bool = False,
    ) -> int:
        """Set the key's value; its new version. A time to live that it had is replaced, as is its
        session: an `ephemeral` key goes when the session that put it ends."""
        entry = self._entries.get(key)
        version = self._revision + 1
        self._store(
            key,
            Entry(
                value,
                version,
                version if entry is None else entry.created,
                None if ttl_ms is None else context.stamp + ttl_ms,
                tuple(context.session) if ephemeral else None,
            ),
        )
        self._news.append((key, ("put", value, version)))
        self._finish(context)
        return version

    @change(key=TEXT, value=PLAIN, ttl_ms=maybe(POSITIVE), ephemeral=FLAG)
    def put_if_absent(
        self,
        context: Context,
        key: str,
        value: Any,
        ttl_ms: int | None = None,
        ephemeral: bool = False,
    ) -> int | None:
        """As `put` if there is no such key; else None, and nothing changes."""
        if key in self._entries:
            return None
        return self.put(context, key, value, ttl_ms, ephemeral)

    @change(key=TEXT, version=NATURAL, value=PLAIN, ttl_ms=maybe(POSITIVE), ephemeral=FLAG)
    def put_if_version(
        self,
        context: Context,
        key: str,
        version: int,
        value: Any,
        ttl_ms: int | None = None,
        ephemeral: bool = False,
    ) -> int | None:
        """As `put` if the key has this version (0: if it is absent); else None, and nothing
        changes."""
        if self._version(key) != version:
            return None
        return self.put(context, key, value, ttl_ms, ephemeral)

    @change(key=TEXT, expected=PLAIN, new=PLAIN)
    def compare_and_set(self, context: Context, key: str, expected: Any, new: Any) -> bool:
        """Set the value of a key that is there with the value `expected`, and keep its time to live
        and session; whether it was so."""
        entry = self._entries.get(key)
        if entry is None or not same(entry.value, expected):
            return False
        self._revise(context, key, entry, new)
        return True

    @change(key=TEXT, by=INTEGER)
    def increment(self, context: Context, key: str, by: int = 1) -> int:
        """Add to an integer, an absent key being 0, and keep its time to live and session; the new
        value. Raises `WrongValue` if the value is not an integer."""
        entry = self._entries.get(key)
        if entry is None:
            self.put(context, key, by)
            return by
        if type(entry.value) is not int:
            raise WrongValue(f"the value of {key!r} is not an integer")
        total = entry.value + by
        self._revise(context, key, entry, total)
        return total

    @change(key=TEXT, version=maybe(POSITIVE))
    def delete(self, context: Context, key: str, version: int | None = None) -> bool:
        """Delete the key, if it has this version, or whatever it has; whether it was so."""
        entry = self._entries.get(key)
        if entry is None or version not in (None, entry.version):
            return False
        self._drop(key, "deleted")
        self._finish(context)
        return True

    @change(start=TEXT, end=maybe(TEXT))
    def delete_range(self, context: Context, start: str = "", end: str | None = None) -> int:
        """Delete all keys from `start` on and below `end` (None: to the last); how many."""
        keys = list(self._keys.irange(start, end, inclusive=(True, False)))
        for key in keys:
            self._drop(key, "deleted")
        self._finish(context)
        return len(keys)

    @change(prefix=TEXT)
    def delete_prefix(self, context: Context, prefix: str) -> int:
        """Delete all keys that begin so; how many."""
        return self.delete_range(context, prefix, _after(prefix))

    @change(key=TEXT, ttl_ms=maybe(POSITIVE))
    def touch(self, context: Context, key: str, ttl_ms: int | None = None) -> bool:
        """Let the key live so long from now on, None: without end; whether it is there. Its version
        stays, and nothing is published."""
        entry = self._entries.get(key)
        if entry is None:
            return False
        expires = None if ttl_ms is None else context.stamp + ttl_ms
        self._store(key, entry._replace(expires=expires))
        return True

    @change(compares=_LISTED, then=_LISTED, otherwise=_LISTED)
    def transaction(
        self,
        context: Context,
        compares: list[Any] | tuple[Any, ...],
        then: list[Any] | tuple[Any, ...],
        otherwise: list[Any] | tuple[Any, ...] = (),
    ) -> tuple[bool, list[Any]]:
        """If all of `compares` hold do the calls of `then`, else those of `otherwise`, in order and
        all at one revision; whether they held, and the answer to each call.

        A compare is `(key, "value", operator, value)` with `==` or `!=`, `(key, "exists", "==" or
        "!=", flag)`, or `(key, "version" or "created", operator, number)` with any of `==`, `!=`,
        `<`, `<=`, `>`, `>=`. An absent key has no value that is equal to any, and version and
        created 0. A call is `(method, argument, …)` of any method of the map, queries included,
        but `transaction`. A call that raises undoes all of the transaction, which raises the same.
        """
        calls = self.plan(compares, then, otherwise)
        held = all(holds(self._entries.get(compare[0]), *compare[1:]) for compare in compares)
        undo: list[tuple[str, Entry | None]] = []
        self._undo = undo
        try:
            answers = [
                function(self, *((context,) if changes else ()), *arguments)
                for function, changes, arguments in calls[0 if held else 1]
            ]
        except Exception:
            self._undo = None
            self._news.clear()
            for key, entry in reversed(undo):
                self._store(key, entry)
            raise
        self._undo = None
        self._finish(context)
        return held, answers

    @staticmethod
    def plan(
        compares: list[Any] | tuple[Any, ...],
        then: list[Any] | tuple[Any, ...],
        otherwise: list[Any] | tuple[Any, ...] = (),
    ) -> list[list[tuple[Callable[..., Any], bool, tuple[Any, ...]]]]:
        """Both branches of a transaction, each call as its function, whether that may change
        anything, and its arguments. Raises `InvalidArguments` for what is none, whatever there
        is in the map."""
        if not is_plain((compares, then, otherwise), DEPTH + 3):
            raise InvalidArguments(
                "transaction: all of it together is no plain value, or too large a one"
            )
        for compare in compares:
            check_compare(compare)
        return [[_checked(call) for call in branch] for branch in (then, otherwise)]

    def session_ended(self, session: Promise, context: Context) -> None:
        """The ephemeral keys of a session go with it."""
        for key in self._owned.of(session):
            self._drop(key, "ended")
        self._finish(context)

    def due(self) -> int | None:
        """When the next key expires."""
        return self._due.first()

    def tick(self, context: Context) -> None:
        """What has expired goes."""
        for key in self._due.passed(context.stamp):
            self._drop(key, "expired")
        self._finish(context)

    # -- queries -------------------------------------------------------------------------

    @query(key=TEXT, default=PLAIN)
    def get(self, key: str, default: Any = None) -> Any:
        """The key's value, or `default`."""
        entry = self._entries.get(key)
        return default if entry is None else entry.value

    @query(key=TEXT)
    def entry(self, key: str) -> tuple[Any, ...] | None:
        """`(value, version, created, expires, owner)`, see `Entry`; None if it is absent."""
        entry = self._entries.get(key)
        return None if entry is None else tuple(entry)

    @query(key=TEXT)
    def contains(self, key: str) -> bool:
        """Whether there is such a key."""
        return key in self._entries

    @query(start=TEXT, end=maybe(TEXT), limit=maybe(POSITIVE), reverse=FLAG)
    def range(
        self,
        start: str = "",
        end: str | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> tuple[list[tuple[str, Any, int]], str | None]:
        """`(key, value, version)` of the keys from `start` on and below `end`, at most `limit`, and
        a cursor: None if these are all; else give it for `start` (in `reverse`: for `end`) to have
        the next."""
        items: list[tuple[str, Any, int]] = []
        cursor: str | None = None
        for key in self._keys.irange(start, end, (True, False), reverse):
            if len(items) == limit:
                cursor = items[-1][0] if reverse else key
                break
            entry = self._entries[key]
            items.append((key, entry.value, entry.version))
        return items, cursor

    @query(prefix=TEXT, limit=maybe(POSITIVE), cursor=maybe(TEXT))
    def prefix(
        self, prefix: str, limit: int | None = None, cursor: str | None = None
    ) -> tuple[list[tuple[str, Any, int]], str | None]:
        """As `range`, of the keys that begin so; `cursor` is that of the answer before."""
        start = prefix if cursor is None else max(prefix, cursor)
        return self.range(start, _after(prefix), limit)

    @query(prefix=TEXT)
    def count(self, prefix: str = "") -> int:
        """How many keys begin so."""
        end = _after(prefix)
        last = len(self._keys) if end is None else self._keys.bisect_left(end)
        return int(last - self._keys.bisect_left(prefix))

    @query()
    def revision(self) -> int:
        """How often the map has changed."""
        return self._revision

    # -- the state -----------------------------------------------------------------------

    def snapshot(self) -> Any:
        """The revision, and the fields of each key's entry."""
        return self._revision, {key: tuple(entry) for key, entry in self._entries.items()}

    def load(self, snapshot: Any) -> None:
        """See `Standard.load`."""
        revision, entries = snapshot
        self._revision = natural(revision)
        for key, (value, version, created, expires, owner) in entries.items():
            if type(key) is not str or not is_plain(value):
                raise TypeError
            expires = None if expires is None else natural(expires)
            owner = None if owner is None else session_of(owner)
            entry = Entry(value, natural(version), natural(created), expires, owner)
            self._entries[key] = entry
            self._due.add(expires, key)
            if owner is not None:
                self._owned.add(owner, key)
        self._keys = SortedList(self._entries)

    def _version(self, key: str) -> int:
        entry = self._entries.get(key)
        return 0 if entry is None else entry.version

    def _revise(self, context: Context, key: str, entry: Entry, value: Any) -> None:
        version = self._revision + 1
        self._store(key, entry._replace(value=value, version=version))
        self._news.append((key, ("put", value, version)))
        self._finish(context)

    def _drop(self, key: str, why: str) -> None:
        self._store(key, None)
        self._news.append((key, (why, self._revision + 1)))

    def _store(self, key: str, entry: Entry | None) -> None:
        """The only place where entries change, None being no entry."""
        old = self._entries.get(key)
        if self._undo is not None:
            self._undo.append((key, old))
        if old is not None:
            if old.expires is not None:
                self._due.remove(old.expires, key)
            if old.owner is not None:
                self._owned.remove(old.owner, key)
        if entry is None:
            if old is not None:
                del self._entries[key]
                self._keys.remove(key)
            return
        if old is None:
            self._keys.add(key)
        self._entries[key] = entry
        if entry.expires is not None:
            self._due.add(entry.expires, key)
        if entry.owner is not None:
            self._owned.add(entry.owner, key)

    def _finish(self, context: Context) -> None:
        """A call is done, unless it is part of a transaction: publish what has changed."""
        if self._news and self._undo is None:
            self._revision += 1
            for key, event in self._news:
                context.publish(event, key)
            self._news.clear()


def _checked(call: Any) -> tuple[Callable[..., Any], bool, tuple[Any, ...]]:
    """The method of a transaction's call, whether it may change anything, its arguments."""
    if type(call) not in (list, tuple) or not call or type(call[0]) is not str:
        raise InvalidArguments("transaction: a call is a method's name and its arguments")
    name, arguments = call[0], tuple(call[1:])
    method = Map.changes.get(name) or Map.queries.get(name)
    if method is None or name == "transaction":
        raise InvalidArguments(f"transaction: {name!r} is no call that it can make")
    method.check(arguments)
    return method.function, name in Map.changes, arguments


def _after(prefix: str) -> str | None:
    """The least text above all that begins with `prefix`; None if there is none."""
    kept = prefix.rstrip("\U0010ffff")
    return kept[:-1] + chr(ord(kept[-1]) + 1) if kept else None

"""What is asked of Ray only while this process is connected to it. Ray itself would start a cluster
of its own for who asks without one, also for a thread that ends a little later than `ray.shutdown`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import ray

from paxos_ray.actors.errors import RayNotInitialised
from paxos_ray.actors.settings import namespace

T = TypeVar("T")


def ask_ray(function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """What a function of Ray's returns. Raises what it raises, and `RayNotInitialised`, also if Ray
    is shut down meanwhile."""
    if ray.is_initialized():
        try:
            return _bare(function)(*arguments, **options)
        except Exception:
            if ray.is_initialized():
                raise
    raise RayNotInitialised("this process is not connected to a Ray cluster: call ray.init()")


def named(actor: str, island: str) -> Any:
    """The actor of an island that has this name. Raises `ValueError` if there is none, what Ray
    raises, and `RayNotInitialised`."""
    return ask_ray(ray.get_actor, actor, namespace=namespace(island))


def all_named() -> list[dict[str, str]]:
    """The `name` and `namespace` of each actor that has a name. Raises as `named`."""
    found: Any = ask_ray(ray.util.list_named_actors, all_namespaces=True)
    return list(found)


def _bare(function: Callable[..., T]) -> Callable[..., T]:
    """The function without the hook that starts a cluster: Ray may be shut down at any moment."""
    hooked = getattr(getattr(function, "__code__", None), "co_name", "") == "auto_init_wrapper"
    return getattr(function, "__wrapped__", function) if hooked else function

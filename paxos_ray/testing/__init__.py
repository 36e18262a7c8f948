"""A test mode for classes that are to be replicated: each call is made on two copies.

`twice(Inventory, …)` is called as a deployed object is, without Ray: what would make citizens
differ fails the test at the call that does it.
"""

from paxos_ray.testing.answer import Answer
from paxos_ray.testing.errors import CopyLost, Diverged, NotCheckedFirst
from paxos_ray.testing.handle import Twice, TwiceMethod, twice

__all__ = ["Answer", "CopyLost", "Diverged", "NotCheckedFirst", "Twice", "TwiceMethod", "twice"]

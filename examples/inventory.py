"""A class of one's own that survives: an inventory kept by three citizens, one of them killed."""

import os
import signal

import ray

import paxos_ray


class OutOfStock(Exception):
    """More is wanted than is left."""


@paxos_ray.replicated
class Inventory:
    """How many there are of each article, and who has reserved them."""

    def __init__(self, **stock: int) -> None:
        self.stock = stock
        self.orders: dict[str, tuple[str, int]] = {}

    def reserve(self, article: str, number: int) -> str:
        """Take some away, for an order: its id. If there are not enough, nothing has happened."""
        order = paxos_ray.context().fresh_id()  # the same on every citizen
        self.orders[order] = (article, number)
        self.stock[article] -= number
        if self.stock[article] < 0:
            raise OutOfStock(f"{number} {article} wanted")
        return order

    @paxos_ray.query
    def left(self, article: str) -> int:
        """How many there are."""
        return self.stock[article]

    @paxos_ray.query
    def ordered(self) -> int:
        """How many orders there are."""
        return len(self.orders)


@ray.remote
def sell(inventory: paxos_ray.Handle[Inventory], number: int) -> int:
    """A shop: it sells as many ropes as it can, one after the other."""
    sold = 0
    for _ in range(number):
        try:
            inventory.reserve.remote("rope", 1).result(timeout_s=60)
            sold += 1
        except OutOfStock:
            break
    return sold


ray.init(include_dashboard=False)
island = paxos_ray.launch("harbour", citizens=3)
inventory = island.deploy("inventory", Inventory, rope=250, sail=3)

shops = [sell.remote(inventory, 100) for _ in range(3)]
leader = island.status().citizens[0]
os.kill(leader.pid, signal.SIGKILL)
print("sold, though a leader was killed:", sum(ray.get(shops)))
print("left:", inventory.left("rope"), "orders:", inventory.ordered())

try:
    inventory.reserve("sail", 4)
except OutOfStock as error:
    print("refused:", error)
print("sails left:", inventory.left("sail"), "orders:", inventory.ordered())

island.shutdown()

"""Islands on Ray: the only part of this package that imports it."""

from ray import cloudpickle

from paxos_ray.machines import travel

# Ray brings tasks the classes that they use by its own cloudpickle: those that an island's answers
# bring must be the same ones, or no task could catch an exception of its own module.
travel.use(cloudpickle)

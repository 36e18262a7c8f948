"""Many Legislators in virtual time, a seeded network and adversary, checkers of what must hold."""

"""Islands on Ray: the only part of this package that imports it."""

"""MAC in, document out: the cache, the batch of misses, the decision, the answer."""

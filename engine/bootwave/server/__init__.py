"""Where the engine touches the network: UDP, TCP, workers, the supervisor."""

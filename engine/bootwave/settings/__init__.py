"""What a phone is told: layers compiled once into plans, slots filled per phone."""

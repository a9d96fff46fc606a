"""What a phone is told: layers compiled once into plans, slots filled per phone.

A *setting* is a name, perhaps an identity's index, a value and a permission.  *Layers*
(engine, model, domain, account, device) are merged by name and index, the later one
wins.  The compiler turns what all phones of one domain, model and shape share into a
*plan* and hands it out with the packed bytes that fill its slots for one phone.
"""

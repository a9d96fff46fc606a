"""The operations of administrators by topic, which ``store.administration`` joins.

A method begins the transaction, calls the module of ``store`` that knows the tables,
and gives back what JSON has.
"""

"""What a phone proves with that it is one: credentials, tokens in URLs, certificates.

Made, replaced and ended here; who may have what on a proof is decided in ``pairing``.
"""

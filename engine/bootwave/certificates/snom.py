"""snom's factory CAs: facts, from the CA file that those who serve snom phones install.

Since 2008 there is a root with RSA-1024 and SHA-1, since 2016 one with RSA-2048 and
SHA-256.  Neither signs phones: an issuing CA below each does, and the same roots may
have issued other things.
"""

from bootwave.options import SNOM_ROOT_1_KEY

# SHA-256 of the SubjectPublicKeyInfo of "snom technology AG SHA-256 CA" (2016 to 2037),
# whose certificate has the SHA-256 fingerprint 74:6D:74:35:...:A2:1D:40.
SNOM_ROOT_2_KEY = "b3afdbcf61339aa83ea242dd1b27c2f8831554bf1d6ee367a34f1b2e10fd330d"

_OF_ROOT_1 = "/C=DE/ST=Berlin/L=Berlin/O=Snom Technology AG/CN=Snom Phone 1"
_OF_ROOT_2 = "/C=DE/ST=Berlin/L=Berlin/O=snom technology AG/CN=Snom Phone 1 SHA-256"
_ADDRESS = "/emailAddress=security@snom.com"

# The issuing CAs below each root, by its key; seen with and without the address.
ISSUERS = {
    bytes.fromhex(SNOM_ROOT_1_KEY): (_OF_ROOT_1, _OF_ROOT_1 + _ADDRESS),
    bytes.fromhex(SNOM_ROOT_2_KEY): (_OF_ROOT_2, _OF_ROOT_2 + _ADDRESS),
}

"""Every command by name: its function, and the line that lists it.

The table is all that help and shell completion need, so that listing the commands
imports none of them.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Leaf(NamedTuple):
    """A command: ``module:function`` below ``bootwave.cli``, and what it does."""

    target: str
    help: str


class Branch(NamedTuple):
    """A word that commands stand under."""

    help: str
    commands: "Mapping[str, Leaf | Branch]"


TREE: Mapping[str, Leaf | Branch] = {
    "init": Leaf("init:init", "Make a directory with options, database and key."),
    "serve": Leaf("serve:serve", "Run the engine until it is told to stop."),
    "status": Leaf("status:status", "Say whether the engine runs, and what it did."),
    "metrics": Leaf("metrics:metrics", "Print its counters as Prometheus reads them."),
    "watch": Leaf("watch:watch", "Follow what phones and roll-outs do, as it happens."),
    "demo": Leaf("demo:demo", "Boot simulated phones against an engine of its own."),
    "options": Branch(
        "The server's own options.",
        {"check": Leaf("options:check", "Show every option and what is wrong.")},
    ),
    "domain": Branch(
        "Domains: the tenants.",
        {
            "add": Leaf("domain:add", "Add a domain."),
            "list": Leaf("domain:list_all", "List the domains."),
            "show": Leaf("domain:show", "Show one domain."),
            "set": Leaf("domain:change", "Change a domain."),
            "remove": Leaf("domain:remove", "Remove a domain."),
            "token": Leaf("token:domain", "Make or show the token in its URL."),
            "trust": Branch(
                "CAs that phones of a domain shall trust.",
                {
                    "add": Leaf("trust:add", "Tell phones to trust those in a file."),
                    "remove": Leaf("trust:remove", "Tell them of one no longer."),
                    "list": Leaf("trust:list_all", "List those they are told."),
                },
            ),
        },
    ),
    "account": Branch(
        "Accounts: the extensions of a domain.",
        {
            "add": Leaf("account:add", "Add an account."),
            "import": Leaf("importing:import_file", "Add many accounts from a file."),
            "export": Leaf("exporting:export", "Write accounts to a file."),
            "replace": Leaf("importing:replace", "Make a domain's what a file says."),
            "bind": Leaf("account:bind", "Bind a phone's MAC, or '*' or '?'."),
            "unbind": Leaf("account:unbind", "Take a binding away."),
            "list": Leaf("account:list_all", "List accounts and their phones."),
            "show": Leaf("account:show", "Show one account."),
            "set": Leaf("account:change", "Change an account."),
            "remove": Leaf("account:remove", "Remove an account."),
        },
    ),
    "search": Leaf("search:search", "List anything page by page, however much."),
    "profile": Branch(
        "Button profiles: the keys that accounts of a domain have in common.",
        {
            "add": Leaf("profile:add", "Add a profile to a domain."),
            "list": Leaf("profile:list_all", "List the profiles of a domain."),
            "show": Leaf("profile:show", "Show its buttons and who has it."),
            "assign": Leaf("profile:assign", "Give it to accounts, many at once."),
            "unassign": Leaf("profile:unassign", "Take it from accounts."),
            "remove": Leaf("profile:remove", "Remove a profile."),
        },
    ),
    "window": Branch(
        "Windows: accounts open for provisioning by MAC alone.",
        {
            "open": Leaf("window:open_for", "Open accounts for some minutes."),
            "close": Leaf("window:close", "Close accounts at once."),
            "list": Leaf("window:list_all", "List windows and the time they have."),
        },
    ),
    "device": Branch(
        "Devices: the phones seen or bound.",
        {
            "list": Leaf("device:list_all", "List the devices."),
            "show": Leaf("device:show", "Say what happened to a phone, and why."),
            "check": Leaf("device:check", "Say what is left to do, step by step."),
            "would-serve": Leaf("outlook:would_serve", "Say what it would be given."),
            "token": Leaf("token:device", "Give a phone's URL a new token."),
            "reset": Leaf("device:reset", "Tell a phone its passwords once more."),
            "credentials": Branch(
                "What phones authenticate with once they were provisioned.",
                {
                    "rotate": Leaf("device:rotate", "Give a phone new ones."),
                    "revoke": Leaf("device:revoke", "End those of a phone at once."),
                },
            ),
        },
    ),
    "group": Branch(
        "Groups: named sets of a domain's devices.",
        {
            "add": Leaf("group:add", "Add a group to a domain."),
            "list": Leaf("group:list_all", "List the groups of a domain."),
            "show": Leaf("group:show", "Show the devices of a group."),
            "assign": Leaf("group:assign", "Put devices into it."),
            "unassign": Leaf("group:unassign", "Take devices out of their group."),
            "remove": Leaf("group:remove", "Remove a group."),
        },
    ),
    "settings": Branch(
        "Settings told to phones of a domain, model, profile, account or device.",
        {
            "set": Leaf("settings:set_value", "Set one setting."),
            "unset": Leaf("settings:unset", "Take one setting back."),
            "list": Leaf("settings:list_all", "List the settings of one layer."),
            "ranges": Leaf("settings:ranges", "List the firmware ranges in use."),
            "explain": Leaf(
                "explain:explain", "Say which layer a phone's value is of."
            ),
            "diff": Leaf("explain:diff", "Say what a change would do to a phone."),
        },
    ),
    "keys": Branch(
        "Function keys of phones of a domain, model, profile, account or device.",
        {
            "set": Leaf("keys:set_key", "Set one function key."),
            "clear": Leaf("keys:clear", "Take function keys back."),
            "list": Leaf("keys:list_all", "List the function keys of one layer."),
        },
    ),
    "phonebook": Branch(
        "Phone books of domains and accounts.",
        {
            "import": Leaf("phonebook:import_file", "Add entries from CSV or vCard."),
            "export": Leaf("phonebook:export", "Write them to CSV or vCard."),
            "list": Leaf("phonebook:list_all", "List the entries of one book."),
            "clear": Leaf("phonebook:clear", "Empty a book, and those of phones."),
        },
    ),
    "dialplan": Branch(
        "Dial plans: which numbers are sent when, and how.",
        {
            "set": Leaf("dialplan:set_rule", "Set one rule."),
            "unset": Leaf("dialplan:unset", "Take one rule back."),
            "list": Leaf("dialplan:list_all", "List the rules, or try a number."),
            "clear": Leaf("dialplan:clear", "Take every rule back."),
        },
    ),
    "language": Branch(
        "Where phones find languages they do not have.",
        {
            "set": Leaf("language:set_file", "Say where one is."),
            "unset": Leaf("language:unset", "Say it no longer."),
            "list": Leaf("language:list_all", "List the language files of a domain."),
        },
    ),
    "firmware": Branch(
        "Firmware of phones: which version, on which way, from where.",
        {
            "list": Leaf("firmware:list_all", "List what is said of firmware."),
            "set": Leaf("firmware:set_version", "Define a model's version."),
            "unset": Leaf("firmware:unset", "Define a version no longer."),
            "pin": Leaf("firmware:pin", "Keep phones at a version."),
            "unpin": Leaf("firmware:unpin", "End a pin."),
            "forbid": Leaf("firmware:forbid", "Tell no phone a version."),
            "permit": Leaf("firmware:permit", "Allow what was forbidden."),
            "export": Leaf("firmware:export", "Print the document of definitions."),
            "import": Leaf("firmware:import_file", "Define what a document says."),
            "edit": Leaf("firmware:edit", "Edit the document of definitions."),
            "explain": Leaf("firmware:explain", "Say what a phone would be told."),
            "images": Leaf("images:images", "List the images that were uploaded."),
            "upload": Leaf("images:upload", "Add an image for phones to fetch."),
            "remove": Leaf("images:remove", "Remove an image."),
        },
    ),
    "resync": Leaf("resync:resync", "Have live phones fetch their settings again."),
    "rollout": Branch(
        "Phones told stage by stage: what becomes of it.",
        {
            "list": Leaf("rollout:list_all", "List the roll-outs."),
            "show": Leaf("rollout:show", "Show one, its stages and phones in trouble."),
            "pause": Leaf("rollout:pause", "Tell no more phones for now."),
            "resume": Leaf("rollout:resume", "Go on after a pause or a halt."),
            "cancel": Leaf("rollout:cancel", "End one for good."),
            "firmware": Leaf("rollout:firmware", "Roll a firmware out in stages."),
        },
    ),
    "redirection": Branch(
        "Phones that the vendor's service sends here.",
        {
            "set": Leaf("redirection:set_account", "Set the account with it."),
            "status": Leaf("redirection:status", "Say how it goes, or all of a phone."),
            "sync": Leaf("redirection:sync", "Compare all phones, and make it right."),
            "troubled": Leaf("redirection:troubled", "List all phones in trouble."),
            "unset": Leaf("redirection:unset", "Forget the account."),
        },
    ),
    "tls": Branch(
        "Certificates of the server and of phones.",
        {
            "check": Leaf("tlscheck:check", "Show certificates and what is wrong."),
            "block": Leaf("tls:block", "Deny phones' own documents to a certificate."),
            "unblock": Leaf("tls:unblock", "End the block of a certificate."),
            "blocks": Leaf("tls:blocks", "List the certificates that are blocked."),
            "init": Leaf("tlsinit:make", "Make the server's own certificates."),
            "dev": Leaf("tlsdev:dev", "Make a factory and phones to try with."),
        },
    ),
    "url": Leaf("url:url", "Say which URL to type into a phone, and where."),
    "pnp": Branch(
        "Plug and play by SIP multicast.",
        {"probe": Leaf("pnp:probe", "Ask as a phone, and say who answers.")},
    ),
    "dhcp": Branch(
        "What DHCP servers tell phones.",
        {"render": Leaf("dhcp:render", "Write options and classes for a server.")},
    ),
    "document": Leaf("document:document", "Print the document a phone would get."),
    "lint": Leaf("lint:lint", "Say what is wrong with a document of a phone."),
    "phone": Branch(
        "Simulated phones.",
        {"boot": Leaf("phone:boot", "Boot one or many against a server.")},
    ),
    "admin": Branch(
        "Administrators of the API, and tokens for programs.",
        {
            "add": Leaf("admin:add", "Add an administrator."),
            "list": Leaf("admin:list_all", "List the administrators."),
            "set": Leaf("admin:change", "Change his role and domains."),
            "passwd": Leaf("admin:passwd", "Give him another password."),
            "remove": Leaf("admin:remove", "Remove him, his sessions and tokens."),
            "link": Leaf("admin:link", "Make a token that makes an operator, once."),
            "token": Branch(
                "Tokens of the API, for programs.",
                {
                    "add": Leaf("apitoken:add", "Make one and show it, once."),
                    "list": Leaf("apitoken:list_all", "List them."),
                    "revoke": Leaf("apitoken:revoke", "Revoke one at once."),
                },
            ),
        },
    ),
    "audit": Branch(
        "The audit log: who did what, and which phone took which secret.",
        {
            "list": Leaf("audit:list_rows", "List its rows, newest first."),
            "verify": Leaf("audit:verify", "Say whether it is as it was written."),
        },
    ),
    "store": Branch(
        "The database.",
        {
            "upgrade": Leaf("store:upgrade", "Bring it to this version's schema."),
            "rekey": Leaf("store:rekey", "Seal every secret with a new key."),
        },
    ),
    "version": Leaf("version:version", "Print the versions in use."),
}

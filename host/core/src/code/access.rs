//! `DWL-506x` and `DWL-507x`: who may do what on a host.

super::codes! {
    SIGN_IN = 5060, "Nobody is signed in",
        "The request carries no token and no session, and this part of the host is for known callers.",
        "Send `Authorization: Bearer` with an API token, sign in at `/login`, or run `dowel` beside the host's data folder, where it finds the local socket.";
    NO_USER_YET = 5061, "The host has no users yet",
        "Until there is a first user, only the socket in the host's data folder answers administration.",
        "Run `dowel admin invite <name> --role admin` on the host's machine and open the link that it prints.";
    NOT_PERMITTED = 5062, "The role does not allow this",
        "The caller is known, and none of its roles has the permission that the detail names.",
        "Ask an admin of the host for a role that has it; `dowel access list` shows who has which.";
    OUT_OF_REACH = 5063, "Out of reach of the role",
        "The caller's role is granted for flows with certain labels, and this is about another flow or the whole host.",
        "Ask an admin of the host for a grant that reaches it.";
    TOKEN_REFUSED = 5064, "The token does not count",
        "The token is unknown, has expired or was revoked, or its owner may not sign in any more.",
        "Make another one with `dowel token create`.";
    SESSION_ENDED = 5065, "The session has ended",
        "The session was not used for too long, is too old, or was signed out.",
        "Sign in again at `/login`.";
    CROSS_SITE = 5066, "The request does not come from the host's own pages",
        "A request that changes something came with a session's cookie and without that session's token against forged requests.",
        "Load the page again and repeat what you did. Programs use API tokens, not cookies.";
    TOO_MANY_ATTEMPTS = 5067, "Too many failed attempts",
        "Too many attempts to sign in from this address or for this account have failed.",
        "Wait for the time in `Retry-After`.";
    LINK_REFUSED = 5068, "The link does not count",
        "The one-time link is unknown, was used already, or has expired.",
        "Ask for another one: `dowel admin invite <name>`.";
    NO_SUCH_USER = 5069, "No such user",
        "The host knows no user of this name.",
        "`dowel access list` shows the users.";
    NO_SUCH_TOKEN = 5070, "No such token",
        "The host knows no token of this id, or it belongs to somebody else.",
        "`dowel token list` shows the tokens.";
    ACCESS_INVALID = 5071, "The change of access is not possible as it is written",
        "A name, role, label or time of the request is malformed, or gives more than the caller has.",
        "Correct what the detail names.";
    PEER_REFUSED = 5072, "The socket is not for this user",
        "Only the user that the host runs as, and root, may use the socket in its data folder.",
        "Run the command as that user, or sign in over the network.";
    OTHER_PERSON = 5073, "Nobody may speak for another person",
        "The request names another person than the one who is signed in. That is possible over the local socket alone, and only until the host has users.",
        "Leave the name out, or let that person decide.";
    DUTIES = 5074, "Two duties that are kept apart",
        "The policy keeps these roles apart: no person may have both.",
        "Give one of the roles to somebody else, or change `separate` in `policy.yaml`.";
    LAST_ADMIN = 5075, "The last admin",
        "Without this user nobody would be left who may manage people over the network.",
        "Make somebody else an admin first.";
    AUDIT_BROKEN = 5076, "The record of decisions was changed",
        "The chain of digests over the record does not fit what is there: a line was changed, removed, added or moved.",
        "Keep a copy of the data folder, compare the record with an export or with the anchors in the host's log, and find out who had access to it.";
    LOGIN_WAITS = 5077, "The login is not confirmed yet",
        "Nobody has confirmed the code in the browser so far.",
        "Open the address that `dowel login` shows, and confirm the code.";
    PROVIDER_FAILED = 5078, "The identity provider cannot be used",
        "The identity provider did not answer, or answered with something that does not follow OpenID Connect.",
        "Look at the host's log and at the provider's; `dowel admin invite` and API tokens work without it.";
    IDENTITY_REFUSED = 5079, "The identity does not count here",
        "The identity provider's answer or token is not valid for this host, or the person has no role on it.",
        "Check issuer, audience and clock; ask an admin of the host for a role.";
}

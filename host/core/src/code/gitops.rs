//! `DWL-62xx`: repositories, what a host follows, pins and promotion.

super::codes! {
    UNREACHABLE = 6201, "The repository cannot be reached",
        "The repository cannot be opened or fetched from: it is not there, the credential is refused, or the server does not answer.",
        "Check the address and the credential; try the same with `git ls-remote`. A host goes on with what is active.";
    REVISION = 6202, "There is no such branch, tag or commit",
        "The repository has no branch or tag of this name, or does not have the commit.",
        "Check the name. A pinned commit has to be part of a branch or tag that is still there when a host clones the repository.";
    TREE_REFUSED = 6203, "A commit holds what Dowel does not read",
        "Below `flows/`, `environments/` or `calendars/` the commit has a symbolic link, a submodule, names that differ only in case, a name that is not plain text, or far too much.",
        "Replace links and submodules by the files themselves, rename what clashes, and keep other files outside of these folders.";
    LOCATION = 6204, "The address of the repository cannot be used",
        "The address is none of https, ssh, file and a plain path, holds a password, or would be fetched without encryption.",
        "Write `https://host/path`, `ssh://user@host/path`, `file:///path` or a path, and name the credential beside it.";
    NOT_WRITTEN = 6205, "The commit cannot be made or pushed",
        "The commit cannot be written, the branch has moved on meanwhile, or the server refuses the push.",
        "Fetch, look at what has changed, and run the command again.";
    NO_ENVIRONMENT = 6206, "There is no such environment",
        "The repository has no file `environments/<name>.yaml` for the environment, or the file names another one.",
        "Check the name of the environment, and the key `environment` in the file.";
    PIN_BROKEN = 6207, "A pin does not hold",
        "A pinned flow is not at its commit with the digest and the version that the pin names: the pin was edited by hand, or the commit is another one than was released.",
        "Let `dowel promote` write the pin again from `flows.lock`.";
    RELEASE_CHANGED = 6208, "A released version has another content",
        "The files of a flow are not those that its version was released with, so that two contents would have one name.",
        "Give the flow a new version, or take the change back.";
    COMMIT_REFUSED = 6209, "A commit cannot become active",
        "What the commit holds cannot be used on this host: flows, connections and connectors do not fit each other. What was active stays active.",
        "Run `dowel check --env <environment>` on the commit, mend it, and push again.";
    NO_SUCH_CHANGE = 6210, "No such change waits",
        "No tree with this digest waits for an approval: it is active already, another one was pushed meanwhile, or the digest is another one.",
        "Look at what waits with `dowel environment show`.";
    MAY_NOT_APPROVE = 6211, "Not who may approve this change",
        "The person is an author of the change, has approved it already, or is not in the group that approves changes.",
        "Let somebody else approve it.";
    HOST_FILE = 6212, "The host file cannot be used",
        "The host file has a key or a value that is not known, or names what cannot be used together.",
        "Mend the place that the message names; the guide to git lists the keys.";
    NOT_SIGNED = 6213, "A commit is not signed by a key that is allowed",
        "The host file asks for signed commits, and a new commit has no signature, one of another form, or one by a key that is not in the list. What was active stays active.",
        "Sign by an ed25519 ssh key (`git config gpg.format ssh`, `user.signingkey`, `commit.gpgsign true`) that is in `repository.allowed_signers` of the host, and make the commits since the active one again: `git rebase --gpg-sign <active commit>`.";
    SIGNERS_FILE = 6214, "The list of allowed signers cannot be used",
        "The file that `repository.allowed_signers` names cannot be read, or has a line that is not understood. No commit is taken until it can.",
        "Write lines such as `ana@example.com ssh-ed25519 AAAA…`, one for each key; no patterns, and no options but namespaces=\"git\".";
}

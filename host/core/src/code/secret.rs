//! `DWL-61xx`: where secrets come from, and how they are kept.

super::codes! {
    NO_AGE_FILE = 6102, "No encrypted file is named",
        "The command keeps secrets in an encrypted file, and neither the host file nor the environment names one.",
        "Add `secrets: { age: { file: …, identity_file: … } }` to the environment file, then `dowel secret init`.";
    AGE_FILE = 6103, "The encrypted file cannot be used",
        "The file with the secrets, or the identity that opens it, is missing, cannot be read, or is not for each other.",
        "Check both paths and who may read them; `dowel secret init` makes what is missing.";
    SOURCE = 6104, "A place of secrets cannot be used",
        "What the host file or the environment says about secrets cannot work: an address without encryption, a recipient that is none, a token that is not there.",
        "Correct the place that the message names.";
    MISSING = 6105, "A secret is missing",
        "The environment refers to a secret that none of its places has.",
        "Put it there: `dowel secret set <name>`, or as the message says.";
    VALUE = 6106, "The value cannot be a secret",
        "The value is empty, too large, or not text.",
        "Give the value on standard input, such as `dowel secret set crm_token < token`.";
    OF_THE_HOST = 6107, "The repository may not say where secrets come from",
        "The host follows a repository, and its environment file has a `secrets` section. Which files and servers of the machine are read is said by the machine.",
        "Write the section into the host file; the environment may keep its own for commands on a laptop.";
    CONSENT = 6108, "Consent was not given",
        "The connection asks a person for consent, and the person or the authorization server said no, nobody came back in time, or the answer cannot be used.",
        "Run `dowel connection authorize <connection>` again; check the client, its redirect address and its scopes at the authorization server.";
}

/**
 * Every label, annotation and Secret type that Sidegate reads or writes. What an annotation says of an agent is claimed, never
 * verified: it is recorded and shown as such, and no decision rests on it.
 */

/** Namespace label: `enabled` gives every pod that is made there a gate. */
export const INJECTION_LABEL = 'sidegate.dev/injection';

/** Pod annotation, claimed: the agent's name. */
export const AGENT_ANNOTATION = 'sidegate.dev/agent';

/** Pod annotation, claimed: the run that the pod belongs to. */
export const RUN_ANNOTATION = 'sidegate.dev/run';

/** Pod annotation, claimed: the task that the agent works on. */
export const TASK_ANNOTATION = 'sidegate.dev/task';

/** Pod annotation, claimed: the person for whom the agent works. */
export const ON_BEHALF_OF_ANNOTATION = 'sidegate.dev/on-behalf-of';

/** Secret annotation, in files only: the key `password` is read from this file, relative to the one that holds the Secret. */
export const PASSWORD_FILE_ANNOTATION = 'sidegate.dev/password-file';

/** Secret annotation, in files only: the key `password` is read from this environment variable of the program. */
export const PASSWORD_ENV_ANNOTATION = 'sidegate.dev/password-env';

/** The type of a Secret that a Target may name. */
export const CREDENTIAL_TYPE = 'sidegate.dev/credential';

/** Label of an ApprovalRequest: the UID of the pod whose gate holds the command. */
export const POD_UID_LABEL = 'sidegate.dev/pod-uid';

/** Annotation of an ApprovalRequest: that pod, `namespace/name`. */
export const POD_ANNOTATION = 'sidegate.dev/pod';

/** The label that every namespace has: its own name. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

/** Namespace annotation: `true` keeps the API server's service-account tokens in agents' containers, where the installation allows that. */
export const KEEP_TOKENS_ANNOTATION = 'sidegate.dev/keep-service-account-tokens';

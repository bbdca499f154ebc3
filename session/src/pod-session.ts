/**
 * The id of a session that the gate of a pod records: the pod's UID, a hyphen, and what is unique to it. The store keeps a session only for the
 * pod whose UID its id begins with, so no gate can say anything in another one's session, nor before it.
 */
export function podSessionId(podUid: string, unique: string): string {
  return `${podUid}-${unique}`;
}

/** Whether the id is one of a session of this pod. */
export function isSessionOfPod(sessionId: string, podUid: string): boolean {
  return isPodUid(podUid) && sessionId.startsWith(`${podUid}-`) && sessionId.length > podUid.length + 1;
}

/** Whether the text is a pod's UID as the API server makes them (RFC 9562, section 4). */
export function isPodUid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/**
 * Whether the text can be a session's id: gates make UUIDs, and what `podSessionId` makes. It stands in file names, in cursors, on terminals and in every
 * row of the index.
 */
export function isSessionId(text: string): boolean {
  return /^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$/.test(text);
}

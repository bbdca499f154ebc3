import { userInfo } from 'node:os';

/** The name of the system's user who runs this process; its number where it has no name, as in some containers. */
export function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

/**
 * What agent or server said, as it may stand among the lines of a transcript. A line of it that begins as the transcript's own do is moved aside, so that
 * nobody puts decisions into a transcript.
 */
export function said(text: string): string {
  return text.replaceAll(/^--/gmu, ' --');
}

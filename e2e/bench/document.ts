const BEGIN = '<!-- bench: begin -->';
const END = '<!-- bench: end -->';

/** What a run tells about itself. */
export interface RunFacts {
  readonly command: string;
  readonly date: string;
  readonly machine: string;
  /** Load averages of 1 minute at the start and at the end. */
  readonly load: readonly [number, number];
}

/** `document` with the table between its marks replaced; a document without marks gets them at its end. */
export function withResults(document: string, { command, date, machine, load }: RunFacts, table: string): string {
  const [before, after] = load.map((value) => value.toFixed(1));
  const facts = `Made on ${date} by\n\n\`\`\`sh\n${command}\n\`\`\`\n\non ${machine}; load average ${before} at the start and ${after} at the end.\n`;
  const block = `${BEGIN}\n${facts}\n${table}${END}`;
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END, begin);
  if (begin < 0 || end < 0) return `${document.trimEnd()}\n\n${block}\n`;
  return document.slice(0, begin) + block + document.slice(end + END.length);
}

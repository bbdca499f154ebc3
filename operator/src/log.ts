/** One line of JSON on standard error: time, level, message and facts. Secrets never go here. */
export type Log = (
  level: 'Info' | 'Warning' | 'Error',
  message: string,
  facts?: Readonly<Record<string, string | number | boolean>>,
) => void;

export const log: Log = (level, message, facts = {}) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), level, message, ...facts })}\n`);
};

import { parseArgs } from 'node:util';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Command, CommandOption, Given } from './command.ts';

const HELP: CommandOption = { type: 'flag', summary: 'Shows this text.', short: 'h' };

/** Reads a command's flags and words. Undefined: help was asked for. Fault Usage: it was called wrongly. */
export function parseCommand(
  command: Command,
  parameters: readonly string[],
): Result<Given | undefined, Fault<'Usage'>> {
  const described = Object.entries({ ...command.options, help: HELP });
  const options = Object.fromEntries(
    described.map(([name, option]) => [
      name,
      {
        type: option.type === 'text' ? ('string' as const) : ('boolean' as const),
        multiple: option.repeatable === true,
        ...(option.short === undefined ? {} : { short: option.short }),
      },
    ]),
  );
  const parsed = parse(parameters, options);
  if (!parsed.ok) return usageFault(command, parsed.fault.message);
  const { values, positionals } = parsed.value;
  if (values['help'] === true) return ok(undefined);
  const { least, most } = command.wordCount ?? { least: 0, most: 0 };
  if (positionals.length < least) return usageFault(command, `It needs ${command.words ?? 'more words'}.`);
  if (positionals.length > most) return usageFault(command, `The word ${positionals[most] ?? ''} is one too many.`);
  const textsOf = (option: string): string[] => {
    const value = values[option];
    const all = Array.isArray(value) ? value : [value];
    return all.filter((one) => typeof one === 'string');
  };
  return ok({
    words: positionals,
    text: (option) => textsOf(option)[0] ?? command.options[option]?.default,
    texts: textsOf,
    flag: (option) => values[option] === true,
  });
}

type Options = Record<
  string,
  { readonly type: 'string' | 'boolean'; readonly multiple: boolean; readonly short?: string }
>;

function parse(
  parameters: readonly string[],
  options: Options,
): Result<{ readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] }> {
  try {
    return ok(parseArgs({ args: [...parameters], options, allowPositionals: true, strict: true }));
  } catch (error) {
    return fail({ code: 'Usage', message: error instanceof Error ? error.message : String(error) });
  }
}

function usageFault(command: Command, message: string): Result<never, Fault<'Usage'>> {
  return fail({
    code: 'Usage',
    message,
    where: `sidegate ${command.name}`,
    mend: `See sidegate ${command.name} --help.`,
  });
}

/** The help text of one command. */
export function commandHelp(command: Command): string {
  const words = command.words === undefined ? '' : ` ${command.words}`;
  const rows = Object.entries({ ...command.options, help: HELP }).map(([name, option]) => {
    const value = option.type === 'text' ? ` ${option.value ?? 'TEXT'}` : '';
    const short = option.short === undefined ? '' : `-${option.short}, `;
    const usual = option.default === undefined ? '' : ` Default: ${option.default}.`;
    return [`  ${short}--${name}${value}`, `${option.summary}${usual}`] as const;
  });
  const details = command.details === undefined ? '' : `\n${command.details.trim()}\n`;
  return `sidegate ${command.name}${words}\n\n${command.summary}\n\n${twoColumns(rows)}${details}`;
}

/** The help text of the whole program. */
export function programHelp(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [`  ${name}`, summary] as const);
  return `sidegate COMMAND ...\n\n${twoColumns(rows)}\nsidegate COMMAND --help tells more of one.\n`;
}

function twoColumns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `${left.padEnd(width)}${right}\n`).join('');
}

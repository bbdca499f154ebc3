import { parseArgs } from 'node:util';
import type { ClusterCase } from './case.ts';
import { CASES, CI_CASES, casesFor } from './cases/index.ts';
import { type Environment, openEnvironment } from './environment.ts';
import { ClusterUnavailable } from './programs.ts';

const HELP = `npm run e2e:cluster -- [--ci] [--keep] [--reuse] [--list] [--only NAME[,NAME]]...

  Takes the Kubernetes cluster that KUBECONFIG names, else brings one up (of kind where Docker can pull, else of processes of this machine),
  installs the chart, and shows case by case what holds on it.

  --ci                only the cases that do not break anything on purpose
  --keep              leaves the cluster up
  --reuse             takes the cluster that \`npm run cluster -- up\` or --keep left up, with the images that it has
  --only NAME[,NAME]  only these cases and those that they need
  --list              prints the names of the cases
`;

const tell = (line: string): void => void process.stderr.write(`${line}\n`);

/** Runs the chosen cases in their order. Resolves to the names of those that failed. */
async function runCases({ stage }: Environment, cases: readonly ClusterCase[]): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const one of cases) {
    const { name, what, needs = [], skip, run } = one;
    const lacking = needs.filter((need) => failed.includes(need));
    const why = skip?.(stage);
    if (why !== undefined) {
      process.stdout.write(`skip  ${name}: ${why}\n`);
      continue;
    }
    const began = Date.now();
    try {
      if (lacking.length > 0) throw new Error(`it needs ${lacking.join(', ')}`);
      await run(stage);
      process.stdout.write(`ok    ${name}: ${what} (${((Date.now() - began) / 1000).toFixed(1)} s)\n`);
    } catch (error) {
      failed.push(name);
      process.stdout.write(`FAIL  ${name}: ${what}\n`);
      tell(error instanceof Error ? error.message : String(error));
    }
  }
  return failed;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      ci: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      reuse: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.list) {
    for (const { name, what } of CASES) process.stdout.write(`${name}: ${what}\n`);
    return 0;
  }
  const cases = casesFor(values.ci ? CI_CASES : values.only.flatMap((names) => names.split(',')));
  if (!cases.ok) {
    tell(cases.fault.message);
    return 2;
  }
  const environment = await openEnvironment(tell, values.reuse);
  try {
    const failed = await runCases(environment, cases.value);
    process.stdout.write(failed.length === 0 ? 'all cases hold\n' : `failed: ${failed.join(', ')}\n`);
    return failed.length === 0 ? 0 : 1;
  } finally {
    if (!values.keep) await environment.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof ClusterUnavailable)) throw error;
  tell(`no cluster: ${error.message}`);
  process.exitCode = 3;
}

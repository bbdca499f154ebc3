import type { Bypass } from '../bypass/attempt.ts';
import { BOTS, CREDENTIAL, DEBUGGED, type Ground, VICTIM } from '../bypass/ground.ts';
import { type Outcome, outcomeOf } from '../bypass/outcome.ts';
import { AGENT, making, podOf } from '../bypass/pods.ts';
import { withoutClauses } from '../bypass/removal.ts';

const DEBUG = 'debug';
const GUARDS = ['sidegate-debug/processes', 'sidegate-debug/user'] as const;
const PIECES = [CREDENTIAL.slice(0, 8), CREDENTIAL.slice(8)];

/** Looks through the files of all processes that it sees: for the gate's token, or for a text in what a gate keeps of its rules. */
const READ = `
import glob, os, sys
below, needle = sys.argv[1], "".join(sys.argv[2:]).encode()
names = [n for p in glob.glob("/proc/[0-9]*") for n in glob.glob(os.path.join(p, "root", below))]
found = [n for n in names if needle in open(n, "rb").read()]
print("found it in " + found[0] if found else "nothing in %d files" % len(names))
`;
const TOKEN = 'var/run/secrets/sidegate/token';
const KEPT = 'var/lib/sidegate/last-known-good.json';

/** A pod into which nothing reaches: the one that is there, or a new one. */
async function fresh(ground: Ground): Promise<void> {
  const { stage } = ground;
  const path = '{.status.phase} {.spec.ephemeralContainers}';
  const there = await stage.cluster.try(['get', 'pod', DEBUGGED, '-n', BOTS, '-o', `jsonpath=${path}`]);
  if (there.stdout.trim() === 'Running') return;
  await stage.deletePod(DEBUGGED, BOTS, '--grace-period=0', '--force');
  await ground.must(making(podOf({}, DEBUGGED), {}));
  await stage.cluster.wait(BOTS, `pod/${DEBUGGED}`, 'condition=Ready');
}

/** Puts a debugging container into it that sees the gate's processes as the gate's user. */
async function debug(ground: Ground): Promise<Outcome> {
  const { cluster } = ground.stage;
  await fresh(ground);
  const container = {
    ...AGENT,
    name: DEBUG,
    targetContainerName: 'sidegate',
    // Whoever looks into a process must have its group as well.
    securityContext: { runAsUser: 64_732, runAsGroup: 64_732 },
  };
  const patch = JSON.stringify({ spec: { ephemeralContainers: [container] } });
  const how = ['--subresource=ephemeralcontainers', '--type=strategic', '-p', patch];
  const made = await ground.kubectl(['patch', 'pod', DEBUGGED, '-n', BOTS, ...how]);
  if (made.code !== 0) return outcomeOf(made);
  const running = '{.status.ephemeralContainerStatuses[0].state.running.startedAt}';
  await cluster.until('the debugging container runs', async () =>
    (await cluster.value('pod', DEBUGGED, BOTS, running)) === '' ? undefined : true,
  );
  return outcomeOf(made);
}

async function reads(ground: Ground, file: string, ...needle: readonly string[]): Promise<Outcome> {
  const command = ['python3', '-c', READ, file, ...needle];
  const ended = await ground.stage.cluster.exec(BOTS, DEBUGGED, command, { container: DEBUG });
  return outcomeOf(ended, ended.stdout.includes('found it'));
}

/** What debugging containers would get at. */
export const DEBUG_BYPASSES: readonly Bypass[] = [
  {
    name: 'debug-token',
    what: 'the gate’s token, read by a debugging container',
    refusedBy: GUARDS.map((guard) => `\`${guard}\``).join(' and '),
    without: withoutClauses(...GUARDS),
    attempts: [
      {
        what: 'the gate’s files by way of its processes, as the gate’s user',
        refusal: /would see the gate’s processes/,
        run: async (ground) => {
          const made = await debug(ground);
          return made.succeeded ? await reads(ground, TOKEN, 'ey') : made;
        },
      },
    ],
  },
  {
    name: 'debug-credential',
    what: 'the credential, read by a debugging container that admission let through',
    refusedBy: 'the operator, which takes it back from a gate that something reaches into',
    armedWith: 'a gate that nothing reaches into',
    attempts: [
      {
        what: 'what the gate keeps of its rules',
        refusal: /nothing in [1-9]\d* files/,
        run: async (ground) => {
          const { cluster } = ground.stage;
          await using away = await withoutClauses(...GUARDS).take(ground);
          await cluster.until('it is let through', async () => {
            const made = await debug(ground);
            if (!made.succeeded) throw new Error(made.said);
            return true;
          });
          await away[Symbol.asyncDispose]();
          return await cluster.until('the operator has taken it back', async () => {
            const outcome = await reads(ground, KEPT, ...PIECES);
            return outcome.succeeded ? undefined : outcome;
          });
        },
        armed: async (ground) => {
          const { cluster } = ground.stage;
          await using _away = await withoutClauses('sidegate-exec@pods/exec').take(ground);
          const program = `require("node:fs").readFileSync("/${KEPT}", "utf8").includes(process.argv.slice(1).join(""))`;
          const command = ['node', '-e', `console.log(${program} ? "found it" : "nothing")`, ...PIECES];
          return await cluster.until('it is let through', async () => {
            const ended = await cluster.exec(BOTS, VICTIM, command, { container: 'sidegate' });
            if (ended.code !== 0) throw new Error(ended.stderr);
            return outcomeOf(ended, ended.stdout.includes('found it'));
          });
        },
      },
    ],
  },
];
